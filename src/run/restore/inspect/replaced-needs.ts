import { UnshipError } from '../../../errors.ts'
import type { RunContext } from '../../context.ts'
import { neededBy, type NeedsNow } from './needs.ts'

/** `create or replace` leaves a function what it is: one that was made anew may do something else. */
const CALLED: readonly string[] = ['function', 'procedure', 'aggregate', 'operator']

/**
 * Refuses where what definitions speak of has another name by now, and something else its own: they would come back as they were
 * written, and mean that. What is gone for good may well be what its successor under the same name is for (a function that was dropped
 * and created, a column that was copied into one of a wider type): that is let pass, and told where it is a table, or what is called.
 */
export function refuseReplaced(context: RunContext, { replaced }: NeedsNow): void {
  const told = replaced.flatMap((need) => {
    const description = CALLED.includes(need.type) ? need.description : need.table
    return need.was === null && description !== null ? [{ ...need, description }] : []
  })
  for (const { description, needed } of neededBy(told))
    context.warn(`${description} is another one than when the feature was removed: ${needed}`)
  const lines = replaced.flatMap((need) =>
    need.was === null
      ? []
      : neededBy([need]).map(
          ({ description, needed }) =>
            `${description} is another one, and what it was is ${need.was ?? ''} by now: ${needed}.`,
        ),
  )
  if (lines.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${context.feature} cannot be restored because names that its definitions speak of stand for something else`,
    detail: [...new Set(lines)].join('\n'),
    hint: 'Give each its name back; or drop what it was, if the other has taken its place for good. Once the feature is restored, it may be renamed again. Nothing was restored.',
  })
}
