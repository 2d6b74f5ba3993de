import { backupKeyName, backupName, shortened } from '../../names.ts'
import type { QualifiedName } from '../../sql.ts'
import type { Model } from '../model.ts'

/** The catalogs in which one name can be taken: a table has a type of its name. */
const CATALOGS = {
  relation: ['pg_class', 'pg_type'],
  type: ['pg_class', 'pg_type'],
  routine: ['pg_proc'],
  statistics: ['pg_statistic_ext'],
} as const

type Kind = keyof typeof CATALOGS

/** The name of something while its feature is removed. */
export const backupNameOf = (model: Model, kind: Kind, { schema, name }: QualifiedName): QualifiedName =>
  free(model, kind, { schema, name: backupName(name) })

/** The primary key of a backup of columns. */
export const backupKeyOf = (model: Model, backup: QualifiedName): QualifiedName =>
  free(model, 'relation', { schema: backup.schema, name: backupKeyName(backup.name) })

/**
 * What hangs on the backup of another feature keeps its name in the archive, and may keep it: then a number follows. Anything else
 * that has the name is told of.
 */
function free({ snapshot }: Model, kind: Kind, wanted: QualifiedName): QualifiedName {
  const catalogs: readonly string[] = CATALOGS[kind]
  const kept = snapshot.kept.filter(
    (k) => k.schema === wanted.schema && k.name === wanted.name && catalogs.includes(k.catalog),
  )
  if (kept.length === 0 || kept.some(({ backup }) => backup)) return wanted
  for (let n = 2; ; n++) {
    const name = shortened(`${wanted.name}_${String(n)}`)
    const taken = snapshot.taken.some(
      (t) => t.nspname === wanted.schema && t.name === name && catalogs.includes(t.catalog),
    )
    if (!taken) return { schema: wanted.schema, name }
  }
}
