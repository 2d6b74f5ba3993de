import { finishRun, recordEvent, unmarkDone, type LedgerRun } from '../ledger/ledger.ts'
import type { RunContext } from './context.ts'
import { planOf } from './removal-state.ts'
import { readSetAside } from './set-aside-report.ts'
import { runShort } from './short.ts'

/** Takes the hidden columns of a broken restore away again: the feature is then as removed as before. */
export async function takeBackRestore(context: RunContext, restore: LedgerRun): Promise<void> {
  const plan = planOf(restore)
  const added = restore.phase !== 'add'
  await runShort(context, {
    phase: restore.phase,
    locks: plan.locks.add,
    statements: [
      ...(added
        ? [
            ...(plan.swaps ?? []).flatMap((s) => s.back),
            ...plan.takeBack,
            ...(plan.memberships ?? []).flatMap((m) => m.undo),
          ]
        : []),
      unmarkDone(restore.removal_id ?? '0'),
      finishRun(restore.id, 'aborted'),
      recordEvent(restore.id, 'taken back', { why: 'the feature is removed again' }),
    ],
  })
  for (const { rows, table, reason, kept } of await readSetAside(context, restore.id))
    context.warn(`${String(rows)} rows of ${table} stay set aside in ${kept}, and are not restored: ${reason}`)
}
