import { UnshipError } from '../../../errors.ts'
import type { LedgerStatement } from '../../../ledger/recorded.ts'
import { hasWord } from '../../../plan/refusals/kept-triggers.ts'
import type { Need } from '../../../plan/unchanged/needs.ts'
import type { RunContext } from '../../context.ts'
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

/** Labels that statements speak of, as far as their texts tell, which are not there or by now mean another value. */
function lostLabels(need: Altered, statements: readonly LedgerStatement[]): string[] {
  const { description } = need
  const list = (json: string | null | undefined) => JSON.parse(json ?? '[]') as string[]
  const [before, now] = [list(need.state), list(need.now)]
  const [ids, idsNow] = [list(need.labels), list(need.labelsNow)]
  const spoken = before.filter((label) => statements.some(({ sql }) => hasWord(sql, label.replaceAll("'", "''"))))
  return spoken.flatMap((label) => {
    const at = now.indexOf(label)
    if (at < 0) return [`label ${label} of ${description} does not exist`]
    if (need.same === true) {
      const was = idsNow.indexOf(ids[before.indexOf(label)] ?? '')
      return was === at
        ? []
        : [`label ${label} of ${description} is another one: what it was is ${now[was] ?? ''} by now`]
    }
    // of a type of that name that was made anew, the names are all there is
    return need.same === null && hasMoved(label, before, now)
      ? [`label ${label} of ${description} has another place among its labels: it seems to be another one`]
      : []
  })
}

/** Labels come in between and are renamed, but none ever goes or moves: as far as their order tells. */
function hasMoved(label: string, before: readonly string[], now: readonly string[]): boolean {
  if (before.length === now.length) return before.indexOf(label) !== now.indexOf(label)
  const isBefore = (labels: readonly string[], other: string) => labels.indexOf(other) < labels.indexOf(label)
  return before.some((other) => now.includes(other) && isBefore(before, other) !== isBefore(now, other))
}
