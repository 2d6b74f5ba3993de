import { UnshipError } from '../errors.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import type { Phase } from '../plan/plan.ts'
import { readBlockers } from './blockers.ts'
import type { RunContext } from './context.ts'
import { patiently } from './patience.ts'
import { runTogether } from './query.ts'
import { attemptsFailed } from './short-errors.ts'

/** Writes to the ledger outside of short transactions, all or nothing; a tool that edits tables may keep a row of it locked, and is told of. */
export const writeLedger = (context: RunContext, phase: Phase, statements: readonly string[]): Promise<void> =>
  patiently(
    context,
    {
      phase,
      blockers: () => readBlockers(context.db, [], { ledgerOf: context.feature }),
      refusal: (attempts, blockers, cause) =>
        new UnshipError({
          code: 'locked',
          message: `could not write to the ledger in schema ${LEDGER_SCHEMA} for phase "${phase}" of feature ${context.feature}`,
          detail: attemptsFailed(context, attempts, blockers),
          hint: 'End those sessions or wait for them, then run the same command again.',
          cause,
        }),
    },
    () => runTogether(context.db, statements),
  )
