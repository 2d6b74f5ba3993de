import type { AnyKysely } from '../any-kysely.ts'
import { UnshipError } from '../errors.ts'
import { translated } from '../catalog/translated.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { openLedger } from '../ledger/open.ts'
import { checkedOptions } from './checked-options.ts'
import { isConnectionLost, sayingWhatIsLost } from './connection-lost.ts'
import { RunContext } from './context.ts'
import { declarationFor } from './declaration-for.ts'
import { sayingWhatLedger } from './ledger-errors.ts'
import { Listener } from './listener.ts'
import type { RunOptions } from './options.ts'
import type { AbortReport, RemovalReport, RestoreReport } from './report.ts'
import { isServerError, messageWithoutValues } from '../server-error.ts'
import { row } from './query.ts'
import { TAKEN_BACK, withFeatureLock, withSession, type Session } from './session.ts'

/** What removal, restore and abort have in common: one session, one run of a feature at a time, one report. */
export async function asRun<R extends RemovalReport | RestoreReport | AbortReport>(
  direction: R['direction'],
  db: AnyKysely,
  declaration: FeatureDeclaration,
  given: RunOptions,
  work: (context: RunContext, feature: FeatureDeclaration) => Promise<R>,
): Promise<R> {
  const feature = declarationFor(db, declaration, { objects: direction === 'removal' })
  const checked = checkedOptions(given)
  const listener = new Listener(checked.onProgress)
  const options = { ...checked, ...(checked.onProgress && { onProgress: listener.tell }) }
  const lost = { direction, feature: feature.name, inTransaction: db.isTransaction, emit: listener.tell }
  const report = await sayingWhatIsLost(lost, () =>
    withSession(db, async (session) => {
      if (session.inTransaction) await refuseOneSnapshot(session, feature.name)
      if (session.inUnknownTransaction) throw inUnknownTransaction(feature.name)
      const context = new RunContext(session, translated(feature, db), options)
      const patience = { attempts: options.lockAttempts, signal: options.signal }
      return await withFeatureLock(session, feature.name, patience, () =>
        sayingWhatLedger(() => openLedger(session.db))
          .then(() => work(context, feature))
          .catch((error: unknown) => {
            throw serverSays(direction, context, error)
          }),
      )
    }),
  )
  listener.tell({ type: 'finished', report })
  await listener.finish()
  return report
}

const WHAT_NOW: Readonly<Record<'removal' | 'restore' | 'abort', string>> = {
  removal: 'Nothing was removed. Mend what the error names, then run the same command again: it plans and copies anew.',
  restore:
    'Mend what the error names, then run the same command again: it goes on where it was. As long as the feature is away, unship abort, or abortRestore, takes back what is prepared instead.',
  abort: 'Mend what the error names, then run the same command again.',
}

/** Deferred constraints have yet to look at what the caller's transaction wrote: no table that they concern can be altered. */
const isPending = (error: { readonly code: string; readonly routine?: unknown }): boolean =>
  error.code === OBJECT_IN_USE && error.routine === 'CheckTableNotInUse'
const OBJECT_IN_USE = '55006'
const PENDING =
  'Where deferred constraints have pending events in the transaction, run SET CONSTRAINTS ALL IMMEDIATE before the call. '

const DISK_FULL = '53100'
const CONFIGURATION_LIMIT_EXCEEDED = '53400'

/** What to do first about a limit of the server's that was met. */
function beforeThat({ code, message }: { readonly code: string; readonly message: string }): string {
  if (code === DISK_FULL) return 'Make room on the disk of the database. '
  if (code === CONFIGURATION_LIMIT_EXCEEDED && message.includes('temp_file_limit'))
    return 'Have a superuser raise temp_file_limit for the role that migrates (ALTER ROLE … SET temp_file_limit). '
  return ''
}

/** An error of the server's that no check foresaw; its own DETAIL may hold values of rows, and is left out. */
function serverSays(direction: keyof typeof WHAT_NOW, context: RunContext, error: unknown): unknown {
  if (!isServerError(error) || isConnectionLost(error)) return error
  const where = context.entered === undefined ? '' : ` in phase "${context.entered}"`
  return new UnshipError({
    code: 'statement_failed',
    message: `the server refused a statement of the ${direction} of feature ${context.feature}${where}`,
    detail: `${error.code}: ${messageWithoutValues(error)}`,
    hint: context.session.inTransaction
      ? `${isPending(error) ? PENDING : beforeThat(error)}${TAKEN_BACK}`
      : `${beforeThat(error)}${WHAT_NOW[direction]}`,
    cause: error,
  })
}

/** It would end at our first COMMIT, with what the caller did before. */
const inUnknownTransaction = (feature: string) =>
  new UnshipError({
    code: 'wrong_state',
    message: `feature ${feature} cannot be removed or restored on a connection that is in a transaction of its own`,
    detail:
      'BEGIN was sent to it as SQL. Kysely knows of no transaction there, so what is done could not be kept within it.',
    hint: 'Begin it with db.transaction(), or end it first. Nothing was changed.',
  })

/**
 * A transaction that sees one snapshot throughout would not see what others committed after that and before our locks: the
 * columns would be dropped with values that are in no backup.
 */
async function refuseOneSnapshot({ db }: Session, feature: string): Promise<void> {
  const { isolation } = await row<{ isolation: string }>(
    db,
    `select pg_catalog.current_setting('transaction_isolation') as isolation`,
  )
  if (isolation === 'read committed' || isolation === 'read uncommitted') return
  throw new UnshipError({
    code: 'wrong_state',
    message: `feature ${feature} cannot be removed or restored in a transaction that is ${isolation}`,
    detail: 'It does not see what others commit while it waits for its locks, and would lose it.',
    hint: 'Begin the transaction READ COMMITTED, or pass a database or connection that is in no transaction.',
  })
}
