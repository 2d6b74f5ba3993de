import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase, type TestDatabase } from '../support/database.ts'

/** What the writers committed last: a value by contact, or null for a contact that is gone. */
type Committed = Map<string, string | null>

/** One statement of a writer's; returns whether it wrote. */
type Write = (client: pg.Client, email: string, value: string) => Promise<boolean>

/**
 * Runs something while four connections of the application write. Each has contacts
 * of its own, so that the order of its commits is the order of its values. A writer
 * that meets a missing column stops.
 */
async function whileWriting<T>(database: TestDatabase, writeValue: Write, work: () => Promise<T>) {
  const committed: Committed = new Map()
  let running = true
  const writer = async (client: pg.Client, number: number) => {
    for (let n = 0; running; n++) {
      const email = `contact${String(1 + number * 500 + (n % 400))}@example.org`
      const value = n % 25 === 24 ? null : `value ${String(n)}`
      try {
        if (value === null) await client.query('delete from contacts where email = $1', [email])
        if (value === null || (await writeValue(client, email, value))) committed.set(email, value)
      } catch (error) {
        if (error instanceof Error && /column .* does not exist/.test(error.message)) return
        throw error
      }
    }
  }
  const clients = await Promise.all([0, 1, 2, 3].map(() => database.connect('crm_app')))
  const writing = Promise.all(clients.map(writer))
  await sleep(400)
  const result = await work()
  await sleep(200)
  running = false
  await writing
  return { result, committed }
}

describe('writers', () => {
  const database = useDatabase({ template: 'demo' })

  test('during a removal lose nothing that they committed', async () => {
    const upsert: Write = async (client, email, value) => {
      await client.query(
        `insert into contacts (first_name, last_name, email, payment_method_notes) values ('A', 'B', $1, $2)
         on conflict (email) do update set payment_method_notes = excluded.payment_method_notes`,
        [email, value],
      )
      return true
    }
    const { result, committed } = await whileWriting(database(), upsert, () =>
      removeFeature(database().db, programPartner),
    )
    expect(result.outcome).toBe('removed')
    expect(committed.size).toBeGreaterThan(100)
    const kept = await database().query<{ email: string; notes: string | null }>(
      `select c.email, b.payment_method_notes as notes from contacts c left join backup_program_partner_contacts b using (id)`,
    )
    const backedUp = new Map(kept.map((row) => [row.email, row.notes]))
    const lost = [...committed].filter(([key, value]) => (backedUp.get(key) ?? null) !== value)
    expect(lost).toEqual([])
    // and nothing of contacts that went is left in it
    expect(
      await database().query(
        `select count(*)::int as n from backup_program_partner_contacts b where not exists (select from contacts c where c.id = b.id)`,
      ),
    ).toEqual([{ n: 0 }])
  })

  test('during a restore lose nothing, and updated_at is theirs alone', async () => {
    await removeFeature(database().db, programPartner)
    const before = await database().query<{ email: string; updated_at: string }>(
      'select email, updated_at::text from contacts',
    )
    const update: Write = async (client, email, value) => {
      const { rowCount } = await client.query('update contacts set phone = $2 where email = $1', [email, value])
      return rowCount === 1
    }
    const { result, committed } = await whileWriting(database(), update, () =>
      restoreFeature(database().db, programPartner),
    )
    expect(result).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(committed.size).toBeGreaterThan(100)
    const after = await database().query<{ email: string; phone: string; updated_at: string }>(
      'select email, phone, updated_at::text from contacts',
    )
    const phones = new Map(after.map((row) => [row.email, row.phone]))
    const lost = [...committed].filter(([key, value]) => (phones.get(key) ?? null) !== value)
    expect(lost).toEqual([])
    const stamps = new Map(after.map((row) => [row.email, row.updated_at]))
    const touched = before.filter((row) => !committed.has(row.email) && stamps.get(row.email) !== row.updated_at)
    expect(touched).toEqual([])
    // every partner who is still there has the flag and the payment data again
    const archive = result.retired[0]?.became ?? ''
    expect(
      await database().query(`
        select count(*)::int as n from ${archive} b join contacts c using (id)
        where row(b.is_expected_program_partner, b.payment_method, b.payment_method_notes, b.last_payment_date)
          is distinct from row(c.is_expected_program_partner, c.payment_method, c.payment_method_notes, c.last_payment_date)`),
    ).toEqual([{ n: 0 }])
  })
})
