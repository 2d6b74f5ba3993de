import { argumentsMatch, type DeclaredField, type DeclaredName } from '../../catalog/declared.ts'
import type { Claim } from '../plan.ts'

const KINDS: Readonly<Record<DeclaredField, Claim['kind']>> = {
  tables: 'relation',
  views: 'relation',
  indexes: 'relation',
  sequences: 'relation',
  columns: 'column',
  functions: 'function',
  types: 'type',
  statistics: 'statistics',
  constraints: 'constraint',
  triggers: 'trigger',
  policies: 'policy',
  rules: 'rule',
}

/** Whether a removal with these claims took something that is declared; a function's argument types, which have many spellings, are counted. */
export const claimsAny = (claims: readonly Claim[], declared: readonly DeclaredName[]): boolean =>
  declared.some((d) => claims.some((c) => isOf(c, d)))

/** What a removal has taken under a declared name; none of what goes along with its table. */
export const claimsOf = (claims: readonly Claim[], declared: DeclaredName): Claim[] =>
  claims.filter((c) => isOf(c, declared) && hasArguments(c, declared))

/** The same, or else what differs from it in letter case, underscores or the spelling of argument types alone. */
export function claimsMeant(claims: readonly Claim[], declared: DeclaredName): Claim[] {
  const exact = claimsOf(claims, declared)
  return exact.length > 0 ? exact : claims.filter((c) => isOf(c, declared, folded))
}

function isOf(c: Claim, d: DeclaredName, asSpelled = (name: string) => name): boolean {
  if (c.kind !== KINDS[d.field] || c.schema !== d.schema || asSpelled(c.name) !== asSpelled(d.name)) return false
  if (c.kind === 'relation') return true
  if (c.kind === 'function') return d.argumentTypes === null || d.argumentTypes.length === argumentsOf(c).length
  return asSpelled(c.part ?? '') === asSpelled(d.part ?? '')
}

const hasArguments = (c: Claim, { argumentTypes }: DeclaredName): boolean =>
  c.kind !== 'function' ||
  argumentTypes === null ||
  argumentsMatch(argumentTypes, { argument_types: argumentsOf(c).map((type) => [type]) })

const argumentsOf = ({ part }: Claim): string[] => (part ? part.split(', ') : [])

const folded = (name: string): string => name.toLowerCase().replaceAll('_', '')
