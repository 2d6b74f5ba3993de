import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { Client, type ClientRecord, type Contact } from './client.ts'

/** How long clients work before, between and after; more finds more. */
const MS = Number(process.env.FAULTS_WRITERS_MS ?? 300)
const SEED = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31))
const CLIENTS = 4

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const FEATURE = `is_expected_program_partner as partner, payment_method as method, payment_method_notes as notes,
  last_payment_date::text as paid, partner_status_notes as status`

describe('clients that write all the time', () => {
  const database = useDatabase({ template: 'demo' })

  const contactsOf = (records: readonly ClientRecord[]) => records.flatMap((r) => [...r.contacts])
  const alive = (records: readonly ClientRecord[]) =>
    contactsOf(records).flatMap(([email, c]): [string, Contact][] => (c ? [[email, { ...c }]] : []))

  test(
    `lose nothing, in a removal, while it is away, in its restore (FAULTS_SEED=${String(SEED)})`,
    async () => {
      const untouched = await database().query<{ email: string; row: string }>(
        `select email, to_jsonb(c)::text as row from contacts c where email !~ '^client' order by 1`,
      )
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, async (_, n) => {
          const connection = await database().connect('crm_app')
          await connection.query(`set timezone = 'UTC'`)
          if (n === 0) await connection.query(`set default_transaction_isolation = 'repeatable read'`)
          return new Client(connection, n, randomOf(SEED + n))
        }),
      )
      const records = clients.map((c) => c.record)
      let running = true
      const working = Promise.all(clients.map((c) => c.work(() => running)))
      // a client that fails ends the test at once
      const or = <T>(work: Promise<T>): Promise<T> => Promise.race([work, working.then(() => work)])

      await or(sleep(MS))
      const removed = await or(removeFeature(database().db, programPartner))
      expect(removed.outcome).toBe('removed')
      const held = alive(records)
      const kept = await database().query<Contact & { email: string }>(
        `select c.email, ${FEATURE} from contacts c join backup_program_partner_contacts b using (id)`,
      )
      compareFeature(held, new Map(kept.map((row) => [row.email, row])), records)

      await or(sleep(MS))
      const restored = await or(restoreFeature(database().db, programPartner))
      expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
      await or(sleep(MS))
      running = false
      await working

      const found = await database().query<Contact & { email: string }>(
        `select email, id, phone, updated_at at time zone 'UTC' || '+00' as "updatedAt", ${FEATURE} from contacts`,
      )
      const byEmail = new Map(found.map((row) => [row.email, row]))
      compareFeature(alive(records), byEmail, records)
      const altered = alive(records).filter(([email, c]) => {
        const now = byEmail.get(email)
        return now?.id !== c.id || now.phone !== c.phone || now.updatedAt !== c.updatedAt
      })
      expect(altered.map(([email, c]) => [c, byEmail.get(email)])).toEqual([])
      expect(contactsOf(records).filter(([email, c]) => c === null && byEmail.has(email))).toEqual([])

      const entries = new Set(
        (await database().query<{ id: string }>('select id::text from program_partner_audit_log')).map((r) => r.id),
      )
      const lost = records.flatMap((r) =>
        [...r.entries]
          .filter(([email]) => r.contacts.get(email))
          .flatMap(([, ids]) => ids.filter((id) => !entries.has(id))),
      )
      expect(lost).toEqual([])
      const notes = new Map(
        (
          await database().query<{ id: string; notes: string | null }>(
            'select id, payment_notes as notes from subscriptions',
          )
        ).map((r) => [r.id, r.notes]),
      )
      const unpaid = records.flatMap((r) => [...r.subscriptions].filter(([id, s]) => notes.get(id) !== s.notes))
      expect(unpaid).toEqual([])

      // and of everybody else nothing has changed, updated_at included
      expect(
        await database().query(
          `select email, to_jsonb(c)::text as row from contacts c where email !~ '^client' order by 1`,
        ),
      ).toEqual(untouched)
      const total = (part: 'done' | 'expected') =>
        records.reduce<Record<string, number>>((sum, r) => {
          for (const [name, n] of Object.entries(r[part])) sum[name] = (sum[name] ?? 0) + n
          return sum
        }, {})
      console.log(JSON.stringify({ seed: SEED, done: total('done'), expected: total('expected') }))
      expect(Object.values(total('done')).every((n) => n > 0)).toBe(true)
    },
    120_000 + 10 * MS,
  )
})

/** The feature's values of contacts that are still there; a contact without a row holds nothing. */
function compareFeature(
  held: readonly [string, Contact][],
  found: ReadonlyMap<string, Contact>,
  records: readonly ClientRecord[],
): void {
  const of = (c: Contact | undefined) => [
    c?.partner ?? false,
    c?.method ?? null,
    c?.notes ?? null,
    c?.paid ?? null,
    c?.status ?? null,
  ]
  const wrong = held.filter(([email, c]) => JSON.stringify(of(found.get(email))) !== JSON.stringify(of(c)))
  // what was deleted while this was read
  const still = wrong.filter(([email]) => records.some((r) => r.contacts.get(email)))
  expect(still.map(([email, c]) => [email, of(c), of(found.get(email))])).toEqual([])
}
