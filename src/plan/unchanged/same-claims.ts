import type { DeclaredField, DeclaredName } from '../../catalog/declared.ts'
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
  declared.some((d) =>
    claims.some(
      (c) =>
        c.kind === KINDS[d.field] &&
        c.schema === d.schema &&
        c.name === d.name &&
        (c.kind === 'function'
          ? d.argumentTypes === null || d.argumentTypes.length === argumentsOf(c)
          : c.kind === 'relation' || c.part === d.part),
    ),
  )

const argumentsOf = ({ part }: Claim): number => (part ? part.split(', ').length : 0)
