import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

describe('clients that write to the parent first, in short transactions', () => {
  const database = useDatabase()
  test('do not keep a removal from its locks', async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text);
       create table log (id int primary key, contact int references contacts, pay text);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n;
       insert into log select n, n, 'pay ' || n from generate_series(1, 50) n`,
    )
    const feature = { name: 'pay', columns: { contacts: ['pay'], log: ['pay'] } }
    const errors: string[] = []
    let running = true
    const work = [1, 2, 3].map(async (n) => {
      const c = await database().connect('crm_owner')
      while (running) {
        await c.query('begin')
        try {
          await c.query(`update contacts set name = 'x' where id = ${String(n)}`)
          await sleep(5)
          await c.query(`update log set contact = contact where id = ${String(n)}`)
        } catch (error) {
          errors.push((error as { code: string }).code)
        }
        await c.query('commit')
      }
    })
    const outcome = await removeFeature(database().db, feature, {
      lockAttempts: 20,
    }).then(
      (r) => r.outcome,
      (error: unknown) => String(error),
    )
    running = false
    await Promise.all(work)
    expect({ outcome, errors }).toEqual({ outcome: 'removed', errors: [] })
  })
})
