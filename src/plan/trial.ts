import type { Oid } from '../catalog/fragments.ts'
import { id, literal, literalOrNull, qualified } from '../sql.ts'
import { shown, type Model } from './model.ts'
import type { Probe } from './probes.ts'

export const TRIAL = 'unship_trial'
export const DIFFERS = 'is printed by PostgreSQL in a form that does not print the same again'

export const withoutSemicolon = (sql: string) => sql.trim().replace(/;$/, '')
export const regclass = (name: string) => `${literal(`pg_temp.${id(name)}`)}::pg_catalog.regclass`
export const same = (printed: string, before: string | null) =>
  `(${printed}) is not distinct from ${literalOrNull(before)}`
/** Its table's name without the schema of temporary objects, which has a number of the session's before PostgreSQL 15. */
export const withoutSchema = (printed: string) => `pg_catalog.regexp_replace(${printed}, 'pg_temp(_[0-9]+)?[.]', '')`

/** On a temporary table of the same name and columns. What cannot be tried there is left to the restore. */
export function onCopy(
  model: Model,
  oid: Oid,
  what: string,
  { create, sql }: { readonly create: readonly string[]; readonly sql: string },
): Probe[] {
  const name = model.name(oid)
  return [
    {
      trial: [`create temporary table ${id(name.name)} (like ${qualified(name)})`, ...create],
      sql,
      reason: `${what} of ${shown(name)} ${DIFFERS}`,
      lenient: true,
    },
  ]
}
