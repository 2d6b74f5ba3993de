import type { Selectable } from 'kysely'
import type { ReadOnly } from './with-program-partner.ts'

/** What a declaration has to tell about a feature's backups. */
interface BackedUp {
  readonly name: string
  readonly tables: readonly string[]
  readonly columns: object
}

/** The column that every host table of the demo has as its key. */
type Key = 'id'

/** What a removal of F leaves beside DB, derived from the declaration. */
export type BackupTables<DB, F extends BackedUp> = MovedTables<DB, F> & ColumnBackups<DB, F>

/** Tables are moved: `t` becomes `backup_t`, with the columns it had. */
type MovedTables<DB, F extends BackedUp> = {
  [Table in F['tables'][number] & keyof DB & string as `backup_${Table}`]: BackupOf<DB[Table], keyof DB[Table]>
}

/** The removed columns of host table `h` are in `backup_<feature>_<h>`. */
type ColumnBackups<DB, F extends BackedUp> = {
  [Host in keyof F['columns'] & keyof DB & string as `backup_${F['name']}_${Host}`]: BackupOf<
    DB[Host],
    Key | ColumnsOf<F, Host>
  > & { backed_up_at: ReadOnly<Date> }
}

type ColumnsOf<
  F extends BackedUp,
  Host extends keyof F['columns'],
> = F['columns'][Host] extends readonly (infer Column)[] ? Column : never

/** A backup's rows can be read, not written. */
type BackupOf<Table, Column> = {
  [C in Extract<keyof Selectable<Table>, Column>]: ReadOnly<Selectable<Table>[C]>
}
