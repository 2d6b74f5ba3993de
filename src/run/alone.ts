import type { AnyKysely } from '../any-kysely.ts'
import { literal } from '../sql.ts'
import { run } from './query.ts'
import { changeSettings, type Settings } from './settings.ts'

/** How a second connection is set up for each transaction. */
export interface Alone {
  readonly settings: Settings
  /** It sees what this exported snapshot does, and not what has been committed since. */
  readonly snapshot?: string
}

/** Before its commit a transaction may lock rows: a client that is cut off then must not keep them. */
const CUT_OFF = { idle_in_transaction_session_timeout: '1s' }

/**
 * One transaction on a second connection, with our settings, of which none is left on it. Without them it would have those of its role
 * and database, whose search_path may find a stranger's operator before a built-in one.
 */
export const alone = <T>(
  connection: AnyKysely,
  { settings, snapshot }: Alone,
  work: (transaction: AnyKysely) => Promise<T>,
): Promise<T> =>
  connection
    .transaction()
    .setIsolationLevel(snapshot === undefined ? 'read committed' : 'repeatable read')
    .setAccessMode('read write')
    .execute(async (transaction) => {
      if (snapshot !== undefined) await run(transaction, `set transaction snapshot ${literal(snapshot)}`)
      await changeSettings(transaction, { ...settings, ...CUT_OFF }, true)
      return await work(transaction)
    })
