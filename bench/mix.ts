import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { Scale } from './scales.ts'

/** One short transaction of the application. */
export interface Transaction {
  readonly name: string
  /** Uses the feature, and is left out while that is away. */
  readonly feature: boolean
  /** Of a hundred. */
  readonly weight: number
  readonly run: (client: pg.Client, pick: Pick) => Promise<unknown>
}

/** Random keys of a scale's rows. */
export interface Pick {
  readonly contact: () => string
  readonly subscription: () => string
  readonly number: (below: number) => number
}

/** What clients do: 55 % reads, 45 % writes, a sixth of it through the feature. */
export const mix: readonly Transaction[] = [
  {
    name: 'read contact',
    feature: false,
    weight: 30,
    run: (client, pick) =>
      client.query('select id, first_name, last_name, email, phone, status from contacts where id = $1', [
        pick.contact(),
      ]),
  },
  {
    name: 'read subscriptions',
    feature: false,
    weight: 17,
    run: (client, pick) =>
      client.query(
        `select s.id, s.plan, s.status, c.email from subscriptions s join contacts c on c.id = s.contact_id
         where s.contact_id = $1`,
        [pick.contact()],
      ),
  },
  {
    name: 'change contact',
    feature: false,
    weight: 17,
    run: (client, pick) =>
      client.query('update contacts set phone = $2 where id = $1', [
        pick.contact(),
        `+43 2 ${String(pick.number(1e6))}`,
      ]),
  },
  {
    name: 'change subscription',
    feature: false,
    weight: 12,
    run: (client, pick) =>
      client.query('update subscriptions set monthly_amount = $2 where id = $1', [
        pick.subscription(),
        pick.number(50),
      ]),
  },
  {
    name: 'new subscription',
    feature: false,
    weight: 4,
    run: (client, pick) =>
      client.query(
        `insert into subscriptions (contact_id, plan, monthly_amount, started_on) values ($1, 'plus', 12.5, '2025-02-01')`,
        [pick.contact()],
      ),
  },
  {
    name: 'new contact',
    feature: false,
    weight: 4,
    run: (client, pick) =>
      client.query(
        `insert into contacts (first_name, last_name, email) values ('Nora', 'Neumann', $1) on conflict do nothing`,
        [`nora${String(pick.number(1e12))}@example.org`],
      ),
  },
  {
    name: 'read partner',
    feature: true,
    weight: 8,
    run: (client, pick) =>
      client.query(
        'select is_expected_program_partner, payment_method, last_payment_date from contacts where id = $1',
        [pick.contact()],
      ),
  },
  {
    name: 'add partner',
    feature: true,
    weight: 4,
    run: (client, pick) => client.query(`select add_program_partner_status($1, 'by phone')`, [pick.contact()]),
  },
  {
    name: 'pay',
    feature: true,
    weight: 4,
    run: (client, pick) => client.query(`select update_payment_method($1, 'card', 'by mail', now())`, [pick.contact()]),
  },
]

/** Keys are MD5 sums, as the data has them. */
export function picker({ contacts, subscriptions }: Scale, seed: number): Pick {
  const random = mulberry32(seed)
  const number = (below: number) => Math.floor(random() * below)
  const md5 = (text: string) => createHash('md5').update(text).digest('hex')
  return {
    contact: () => md5(`contact ${String(1 + number(contacts))}`),
    subscription: () => md5(`subscription ${String(1 + number(subscriptions))}`),
    number,
  }
}

/** Chooses a transaction; where the feature is away, one of the others. */
export function choose(pick: Pick, featureThere: boolean): Transaction {
  const usable = featureThere ? mix : mix.filter((t) => !t.feature)
  let at = pick.number(usable.reduce((sum, t) => sum + t.weight, 0))
  for (const transaction of usable) {
    at -= transaction.weight
    if (at < 0) return transaction
  }
  throw new Error('the weights do not add up')
}

/** A small random generator that gives the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
