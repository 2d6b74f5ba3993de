import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

describe('the first two removals of a database at once', () => {
  const database = useDatabase()
  test('both create the ledger, and both end', async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, pay text); create table others (id int primary key, note text)`,
    )
    let second: Promise<unknown> | undefined
    // as Kysely's migrator does unless told otherwise
    await database()
      .db.transaction()
      .execute(async (transaction) => {
        await removeFeature(transaction, { name: 'pay', columns: { contacts: ['pay'] } })
        second = removeFeature(database().db, { name: 'notes', columns: { others: ['note'] } }).then(
          (report) => report.outcome,
          (error: unknown) => (error as Error).message,
        )
        await sleep(1_000)
      })
    expect(await second).toBe('removed')
  })
})
