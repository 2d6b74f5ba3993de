import { boundTo, differenceOf, textArray } from '../../catalog/bound.ts'
import type { Column } from '../../catalog/column.ts'
import { addressKey } from '../../catalog/dependency.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { id, literal, literalOrNull, qualified } from '../../sql.ts'
import { shown, type Model } from '../model.ts'
import type { Probe } from './probes.ts'

export const TRIAL = 'unship_trial'
const DIFFERS = 'is printed by PostgreSQL in a form that does not print the same again'

export const withoutSemicolon = (sql: string) => sql.trim().replace(/;$/, '')
export const regclass = (name: string) => `${literal(`pg_temp.${id(name)}`)}::pg_catalog.regclass`
export const same = (printed: string, before: string | null) =>
  `(${printed}) is not distinct from ${literalOrNull(before)}`
/** Its table's name without the schema of temporary objects, which has a number of the session's before PostgreSQL 15. */
export const withoutSchema = (printed: string) => `pg_catalog.regexp_replace(${printed}, 'pg_temp(_[0-9]+)?[.]', '')`

const MEANS_OTHER = 'would mean something else than it does when it is created again: its words would be read'

interface Trial extends Pick<Probe, 'sql' | 'lenient'> {
  readonly what: string
  readonly trial: readonly string[]
  /** Catalog key of what would be created again, and an expression for the identifier of what is created in the trial. */
  readonly key: string
  readonly tried: string
}

/** Whether it prints the same, and whether its words are taken to mean the same. */
export function trialOf({ snapshot }: Model, { what, key, tried, ...trial }: Trial): Probe {
  const object = snapshot.bound.find(({ dependent }) => dependent === key)
  const now = boundTo(`'pg_catalog.${key.split(':')[0] ?? ''}'::pg_catalog.regclass`, tried)
  return {
    ...trial,
    reason: `${what} ${DIFFERS}`,
    ...(object && { otherwise: { sql: differenceOf(textArray(object.bound), now), reason: `${what} ${MEANS_OTHER}` } }),
  }
}

/** The catalog key of a column's default or generation expression. */
export const defaultKey = ({ snapshot }: Model, relid: Oid, { attnum }: Column): string => {
  const node = snapshot.nodes.find(
    (n) => n.catalog === 'pg_attrdef' && n.owner_relid === relid && n.owner_attnum === attnum,
  )
  return node ? addressKey(node) : ''
}

/** On a temporary table of the same name and columns. What cannot be tried there is left to the restore. */
export function onCopy(
  model: Model,
  oid: Oid,
  what: string,
  { create, ...trial }: Pick<Trial, 'sql' | 'key' | 'tried'> & { readonly create: readonly string[] },
): Probe {
  const name = model.name(oid)
  return trialOf(model, {
    ...trial,
    what: `${what} of ${shown(name)}`,
    trial: [`create temporary table ${id(name.name)} (like ${qualified(name)})`, ...create],
    lenient: true,
  })
}
