import { SelectQueryNode, TableNode, type RootOperationNode } from 'kysely'
import type { MigratorProps } from 'kysely/migration'
import type { AnyKysely } from './any-kysely.ts'
import { readJson } from './catalog/read.ts'
import { rows } from './run/query.ts'
import { id, literal, qualified, type QualifiedName } from './sql.ts'

/** What of a migrator's settings says where it keeps its record. */
export type RecordSettings = Pick<MigratorProps, 'migrationTableName' | 'migrationTableSchema'>

/** A table that may be a migrator's record, and the migrations in it. */
export interface MigrationRecord {
  readonly table: QualifiedName
  readonly names: readonly string[]
}

export const isTold = ({ migrationTableName, migrationTableSchema }: RecordSettings): boolean =>
  migrationTableName !== undefined || migrationTableSchema !== undefined

/** As SQL: which table settings name, found as the migrator finds it; all that look like Kysely's where they name none. */
export async function whichTables(db: AnyKysely, settings: RecordSettings): Promise<string> {
  if (!isTold(settings)) return LIKE_KYSELYS
  const table = literal(id(...namesOf(db, settings)))
  const [found] = await rows<{ oid: string | null }>(
    db.withoutPlugins(),
    `select pg_catalog.to_regclass(${table})::pg_catalog.oid::pg_catalog.text as oid`,
  )
  return `select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = ${literal(found?.oid ?? '0')}`
}

/** What the migrator's plugins make of the names. */
function namesOf(
  db: AnyKysely,
  { migrationTableName: name = 'kysely_migration', migrationTableSchema: schema }: RecordSettings,
): string[] {
  const { query } = (schema === undefined ? db : db.withSchema(schema)).selectFrom(name).selectAll().compile()
  return tableOf(query) ?? (schema === undefined ? [name] : [schema, name])
}

/** The table that a query reads, where it is a plain one of a single table. */
export function tableOf(query: RootOperationNode): string[] | null {
  const from = SelectQueryNode.is(query) ? query.from?.froms[0] : undefined
  if (!from || !TableNode.is(from)) return null
  const { table } = from
  return table.schema ? [table.schema.name, table.identifier.name] : [table.identifier.name]
}

/**
 * The record that a migrator goes by which undoes this migration. It undoes the last that it has, so a table where another
 * is the last is somebody else's, or what the project had before it moved its record. Copies of a record may leave more
 * than one.
 */
export async function readRecords(db: AnyKysely, tables: string, undone: string): Promise<MigrationRecord[]> {
  const records: MigrationRecord[] = []
  for (const table of await readJson<QualifiedName>(db, tables)) {
    const entries = await readJson<{ name: string; timestamp: string }>(
      db,
      `select r.name, r.timestamp from ${qualified(table)} r
       where exists (select from ${qualified(table)} u where u.name = ${literal(undone)})`,
    )
    if (isLast(undone, entries)) records.push({ table, names: entries.map(({ name }) => name) })
  }
  return records
}

/** As Kysely orders them; names of one moment it orders as it was told. */
function isLast(undone: string, entries: readonly { name: string; timestamp: string }[]): boolean {
  const executed = entries.map(({ timestamp }) => new Date(timestamp).getTime())
  const at = executed[entries.findIndex(({ name }) => name === undone)]
  // where a text is no date, no comparison holds
  return at !== undefined && executed.every((other) => other <= at)
}

const TEXT = ['text', 'varchar', 'bpchar'].map((type) => `'pg_catalog.${type}'::pg_catalog.regtype`).join(', ')

/**
 * Tables of the form that Kysely makes. Reading them calls no function of others: their types are PostgreSQL's own, and
 * no policies apply.
 */
const LIKE_KYSELYS = `
  select n.nspname as schema, c.relname as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary and i.indnkeyatts = 1
  join pg_catalog.pg_attribute k on k.attrelid = c.oid and k.attnum = i.indkey[0] and k.attname = 'name' and k.atttypid in (${TEXT})
  join pg_catalog.pg_attribute t on t.attrelid = c.oid and t.attname = 'timestamp' and t.atttypid in (${TEXT})
  where c.relkind = 'r' and not pg_catalog.pg_is_other_temp_schema(n.oid)
    and pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT')
    and not pg_catalog.row_security_active(c.oid)
  order by 1, 2`
