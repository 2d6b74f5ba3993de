import { relkinds as kinds, type Relkind } from '../../catalog/relation.ts'
import { UnshipError } from '../../errors.ts'
import type { DeclaredName } from '../../catalog/declared.ts'
import type { ResolvedName } from '../../catalog/resolve.ts'
import { shown, type Model } from '../model.ts'

/** The oldest major that the catalog queries are written for. */
const OLDEST_MAJOR = 14
const NEWEST_MAJOR = 18

/**
 * Whether the feature is in this database: wholly, or not at all.
 *
 * @throws {UnshipError} when it is there in part, under another spelling, or its host tables are not.
 */
export function checkPresence(model: Model): 'present' | 'absent' {
  const { environment, declared } = model.snapshot
  if (environment.major < OLDEST_MAJOR || environment.major > NEWEST_MAJOR)
    throw new UnshipError({
      code: 'server_not_supported',
      message: `PostgreSQL ${environment.server_version} is not supported`,
      detail: `This version of kysely-unship knows the catalogs of PostgreSQL ${String(OLDEST_MAJOR)} to ${String(NEWEST_MAJOR)}.`,
      hint: 'Upgrade kysely-unship, or the server.',
    })
  const missing = declared.filter((d) => !d.found)
  refuseSpelling(model, missing)
  refuseAmbiguous(missing)
  refuseMissingHosts(model)
  const wrongKind = declared.filter((d) => d.found && !kindFits(d))
  if (missing.length === declared.length) return 'absent'
  if (missing.length > 0 || wrongKind.length > 0) refuseIncomplete(model, missing, wrongKind)
  return 'present'
}

/** A declared name as messages show it. */
export const label = (d: DeclaredName): string =>
  d.part === null ? `${singular[d.field]} ${d.spelled}` : `${singular[d.field]} ${shown(d)}.${d.part}`

const singular: Record<ResolvedName['field'], string> = {
  tables: 'table',
  columns: 'column',
  views: 'view',
  functions: 'function',
  indexes: 'index',
  constraints: 'constraint',
  triggers: 'trigger',
  policies: 'policy',
  rules: 'rule',
  types: 'type',
  sequences: 'sequence',
  statistics: 'statistics',
}

const relkinds: Partial<Record<ResolvedName['field'], string>> = {
  tables: 'rpf',
  views: 'vm',
  indexes: 'iI',
  sequences: 'S',
  columns: 'rpf',
}
const kindFits = (d: ResolvedName) => (relkinds[d.field] ?? '').includes(d.found?.relkind ?? '')

const kindOf = ({ field, found }: ResolvedName) => {
  const kind = kinds[found?.relkind as Relkind]
  return field === 'types' ? `the row type of a ${kind}` : `${kind.startsWith('index') ? 'an' : 'a'} ${kind}`
}

function refuseSpelling(model: Model, missing: readonly ResolvedName[]): void {
  const similar = missing.filter((d) => d.similar !== null)
  if (similar.length === 0) return
  throw new UnshipError({
    code: 'name_spelling',
    message: `feature ${model.feature.name} is declared in another spelling than the database's`,
    detail: similar.map((d) => `${label(d)} is called ${d.similar ?? ''} there.`).join('\n'),
    hint: 'Declare the names as the database has them, or give a Kysely with the CamelCasePlugin that the interface is written for.',
  })
}

function refuseAmbiguous(missing: readonly ResolvedName[]): void {
  const ambiguous = missing.filter((d) => d.ambiguous.length > 0)
  if (ambiguous.length === 0) return
  throw new UnshipError({
    code: 'ambiguous_function',
    message: `function name ${ambiguous.map((d) => d.spelled).join(', ')} is not unique`,
    detail: ambiguous.flatMap((d) => d.ambiguous).join('\n'),
    hint: 'Declare each by its signature, for example f(uuid, text).',
  })
}

function refuseMissingHosts(model: Model): void {
  const { declared, environment } = model.snapshot
  const hosts = [...new Set(declared.filter((d) => d.field === 'columns' && !d.table_found).map((d) => shown(d)))]
  if (hosts.length === 0) return
  throw new UnshipError({
    code: 'host_table_missing',
    message: `table ${hosts.join(', ')} does not exist in database ${environment.database}`,
    detail: `Feature ${model.feature.name} takes columns from it, so it must be there with or without the feature.`,
    hint: 'Check that the connection leads to the right database, and the schema of the declaration.',
  })
}

function refuseIncomplete(model: Model, missing: readonly ResolvedName[], wrongKind: readonly ResolvedName[]): never {
  const there = model.snapshot.declared.filter((d) => d.found && kindFits(d))
  const lines = [
    `Missing: ${[...missing, ...wrongKind].map(label).join(', ')}.`,
    ...(there.length > 0 ? [`There: ${there.map(label).join(', ')}.`] : []),
    ...wrongKind.map((d) => `${d.spelled} is something else than the declaration says: ${kindOf(d)}.`),
  ]
  const { database } = model.snapshot.environment
  throw new UnshipError({
    code: 'feature_incomplete',
    message:
      missing.length > 0
        ? `feature ${model.feature.name} is only partly in database ${database}`
        : `feature ${model.feature.name} is declared as something else than what is in database ${database}`,
    detail: lines.join('\n'),
    hint: [
      ...(wrongKind.length > 0 ? ['Declare each name under what it is: a view under "views", for example.'] : []),
      ...(missing.length > 0
        ? ['Take what is missing out of the declaration, or bring the database to the state that it describes.']
        : []),
    ].join('\n'),
  })
}
