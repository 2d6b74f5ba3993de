import { UnshipError } from '../errors.ts'
import type { LedgerStatement } from '../ledger/ledger.ts'
import { hasWord } from '../plan/kept-triggers.ts'
import type { Need } from '../plan/needs.ts'
import type { RunContext } from './context.ts'
import { neededBy, type NeedsNow } from './needs.ts'

/**
 * Refuses where definitions that are created again could not be, or would say something else: of a column's other type, say. Where a
 * column has a wider type now, as an integer key that became bigint, most could be: it is told.
 */
export function refuseAltered(
  context: RunContext,
  statements: readonly LedgerStatement[],
  { altered }: NeedsNow,
): void {
  const { feature } = context
  const reasonsOf = (those: readonly Altered[]) =>
    those.flatMap((need) => reasons(need, statements).flatMap((description) => neededBy([{ ...need, description }])))
  for (const { description, needed } of reasonsOf(altered.filter((need) => need.castable)))
    context.warn(`${description}: ${needed}, and cannot be created again if it asks for the type that was`)
  const lines = reasonsOf(altered.filter((need) => !need.castable))
  if (lines.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${feature} cannot be restored because what its definitions speak of was altered`,
    detail: [...new Set(lines.map(({ description, needed }) => `${description}: ${needed}.`))].join('\n'),
    hint: 'Alter it back; once the feature is restored, it may be altered again where PostgreSQL lets it. Nothing was restored.',
  })
}

type Altered = NeedsNow['altered'][number]

function reasons(need: Altered, statements: readonly LedgerStatement[]): string[] {
  const { description, state, now, immutable, plain, castable } = need
  if (need.type === 'type') return lostLabels(need, statements)
  const result = (text: string | null | undefined) => (text ?? '').replace(/^\w+/, '')
  // PostgreSQL minds it of indexes and generated columns alone
  const harmless = isRoutine(need) ? result(state) === result(now) && !immutable : plain && castable
  return harmless ? [] : [`${description} is ${now ?? 'another'}, and was ${state ?? ''}`]
}

const isRoutine = ({ type }: Need) => ['function', 'procedure', 'aggregate'].includes(type)

/** Labels that statements speak of, as far as their texts tell. */
function lostLabels({ description, state, now }: Altered, statements: readonly LedgerStatement[]): string[] {
  const labels = (json: string | null | undefined) => JSON.parse(json ?? '[]') as string[]
  const left = new Set(labels(now))
  return labels(state)
    .filter((label) => !left.has(label))
    .filter((label) => statements.some(({ sql }) => hasWord(sql, label.replaceAll("'", "''"))))
    .map((label) => `label ${label} of ${description} does not exist`)
}
