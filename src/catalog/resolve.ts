import { sql } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { argumentsMatch, candidateQuery, declaredNames, type Candidate, type DeclaredName } from './declared.ts'
import { readJson } from './read.ts'

/** A declared name with the catalog rows that it may mean. */
export interface ResolvedName extends DeclaredName {
  readonly found: Candidate | null
  /** Overloaded functions under a bare name. */
  readonly ambiguous: readonly string[]
  /** The same name spelled in another letter case. */
  readonly similar: string | null
  /** The host table of a column, constraint, trigger or policy is there. */
  readonly table_found: boolean
}

/** What of a declaration is in the database. */
export async function readDeclared(
  db: AnyKysely,
  feature: FeatureDeclaration,
  named: AnyKysely,
): Promise<ResolvedName[]> {
  const names = declaredNames(feature, pluginTranslation(named))
  return resolve(names, names.length === 0 ? [] : await readJson<Candidate>(db, candidateQuery(names)))
}

/** What the caller's plugins (CamelCasePlugin) make of a name in its interface. */
export function pluginTranslation(named: AnyKysely): (name: string) => string {
  return (name) => {
    const { sql: text } = sql`${sql.id(name)}`.compile(named)
    return text.slice(1, -1).replaceAll('""', '"')
  }
}

function resolve(names: readonly DeclaredName[], candidates: readonly Candidate[]): ResolvedName[] {
  return names.map((name, n) => {
    const all = candidates.filter((c) => c.n === n)
    const columnMissing = (c: Candidate) => name.field === 'columns' && c.objsubid === 0
    let exact = all.filter((c) => c.similar === null && !columnMissing(c))
    const { argumentTypes } = name
    if (argumentTypes) exact = exact.filter((c) => argumentsMatch(argumentTypes, c))
    return {
      ...name,
      found: exact.length === 1 ? (exact[0] ?? null) : null,
      ambiguous: exact.length > 1 ? exact.map((c) => c.signature ?? '') : [],
      similar: exact.length === 0 ? (all.find((c) => c.similar !== null)?.similar ?? null) : null,
      table_found: all.some((c) => c.similar === null),
    }
  })
}
