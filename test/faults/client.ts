import type pg from 'pg'

/** What one contact holds, as the client that it belongs to has had it confirmed. */
export interface Contact {
  id: string
  phone: string | null
  updatedAt: string
  partner: boolean
  method: string | null
  notes: string | null
  paid: string | null
  status: string | null
}

/** What a client was told by the server, and nothing else. */
export interface ClientRecord {
  /** By e-mail address; null for a contact that it has deleted. */
  readonly contacts: Map<string, Contact | null>
  /** Entries of the audit log, by contact. */
  readonly entries: Map<string, string[]>
  /** By subscription: what its payment columns hold. */
  readonly subscriptions: Map<string, { email: string; notes: string | null }>
  readonly done: Record<string, number>
  /** Errors that every removal of a name brings; anything else ends the client. */
  readonly expected: Record<string, number>
}

/** What clients meet when names go and come, whoever takes them away; and what they always must reckon with. */
const EXPECTED: readonly [string, RegExp][] = [
  ['does not exist', /does not exist$/],
  ['too many expressions', /INSERT has more expressions than target columns/],
  ['cached plan', /cached plan must not change result type/],
  ['deadlock', /deadlock detected/],
  ['serialization', /could not serialize access/],
]

const RETURNING = `returning id, phone, updated_at::text as "updatedAt"`

/** A client of the application's that works on contacts of its own, so that the order of its commits is theirs. */
export class Client {
  readonly record: ClientRecord = {
    contacts: new Map(),
    entries: new Map(),
    subscriptions: new Map(),
    done: {},
    expected: {},
  }
  readonly #db: pg.Client
  readonly #number: number
  readonly #random: () => number
  #made = 0

  constructor(db: pg.Client, number: number, random: () => number) {
    this.#db = db
    this.#number = number
    this.#random = random
  }

  /** One thing after another, until told to stop. */
  async work(running: () => boolean): Promise<void> {
    const actions = Object.entries(this.#actions())
    while (running()) {
      const [name, act] = actions[Math.floor(this.#random() * actions.length)] ?? ['', () => Promise.resolve()]
      try {
        await act()
        this.record.done[name] = (this.record.done[name] ?? 0) + 1
      } catch (error) {
        await this.#db.query('rollback')
        const kind = error instanceof Error ? EXPECTED.find(([, text]) => text.test(error.message))?.[0] : undefined
        if (kind === undefined) throw new Error(`${name} failed: ${String(error)}`, { cause: error })
        this.record.expected[kind] = (this.record.expected[kind] ?? 0) + 1
      }
    }
  }

  #actions(): Record<string, () => Promise<void>> {
    const value = () => `value ${String(Math.floor(this.#random() * 1e9))}`
    return {
      insert: async () => {
        const email = this.#newEmail()
        await this.#insert(
          email,
          `insert into contacts (first_name, last_name, email) values ('A', 'B', $1) ${RETURNING}`,
          [email],
        )
      },
      'insert by position, kept columns': async () => {
        const email = this.#newEmail()
        const sql = `insert into contacts values (gen_random_uuid(), null, 'A', 'B', $1, null, 'active', now(), now()) ${RETURNING}`
        await this.#insert(email, sql, [email])
      },
      'insert by position, all columns': async () => {
        const [email, notes] = [this.#newEmail(), value()]
        const sql = `insert into contacts values (gen_random_uuid(), null, 'A', 'B', $1, null, 'active', now(), now(), true, 'cash', $2, 'infinity', null) ${RETURNING}`
        await this.#insert(email, sql, [email, notes], { partner: true, method: 'cash', notes, paid: 'infinity' })
      },
      'update a kept column': () => this.#update('phone = $2', value()),
      'update the feature': async () => {
        const notes = this.#random() < 0.2 ? null : value()
        await this.#update('payment_method_notes = $2', notes, { notes })
      },
      'blank the feature': () =>
        this.#update(
          `is_expected_program_partner = false, payment_method = null, payment_method_notes = null, last_payment_date = null, partner_status_notes = $2`,
          null,
          { partner: false, method: null, notes: null, paid: null, status: null },
        ),
      // a backup finds its rows by their keys: they change as long as there is the feature alone
      'change a key': () =>
        this.#update('id = gen_random_uuid(), phone = coalesce($2, payment_method)', value(), {}, false),
      delete: async () => {
        const email = this.#pick()
        if (email === undefined || this.#random() < 0.5) return
        await this.#db.query('delete from contacts where email = $1', [email])
        this.record.contacts.set(email, null)
        for (const [id, s] of this.record.subscriptions) if (s.email === email) this.record.subscriptions.delete(id)
      },
      'call add_program_partner_status': async () => {
        const status = value()
        await this.#call('add_program_partner_status($1, $2)', [status], { partner: true, status })
      },
      'call remove_program_partner_status': async () => {
        const status = value()
        await this.#call(
          'remove_program_partner_status($1, $2)',
          [status],
          { partner: false, status },
          (c) => c.partner,
        )
      },
      'call update_payment_method': async () => {
        const notes = value()
        await this.#call(`update_payment_method($1, 'card', $2, '2026-01-02 03:04:05Z')`, [notes], {
          ...{ method: 'card', notes, paid: '2026-01-02 03:04:05+00' },
        })
      },
      'subscribe and pay in one transaction': async () => {
        const email = this.#pick()
        const contact = email === undefined ? undefined : this.record.contacts.get(email)
        if (!email || !contact) return
        const notes = value()
        await this.#db.query('begin')
        const { rows } = await this.#db.query<{ id: string }>(
          `insert into subscriptions (contact_id, plan, monthly_amount, started_on, payment_notes) values ($1, 'plus', 5, '2026-01-01', $2) returning id`,
          [contact.id, notes],
        )
        const changed = await this.#db.query<Contact>(
          `update contacts set payment_method = 'direct_debit' where email = $1 ${RETURNING}`,
          [email],
        )
        await this.#db.query('commit')
        this.record.subscriptions.set(rows[0]?.id ?? '', { email, notes })
        Object.assign(contact, changed.rows[0], { method: 'direct_debit' })
      },
      'read a view': async () => {
        await this.#db.query('select count(*) from program_partner_compliance')
      },
      'read all columns, prepared': async () => {
        await this.#db.query({
          name: 'all',
          text: 'select * from contacts where email = $1',
          values: ['contact5@example.org'],
        })
      },
    }
  }

  #newEmail = () => `client${String(this.#number)}-${String(this.#made++)}@example.org`

  #pick(): string | undefined {
    const alive = [...this.record.contacts].filter(([, contact]) => contact !== null).map(([email]) => email)
    return alive[Math.floor(this.#random() * alive.length)]
  }

  async #insert(email: string, sql: string, values: unknown[], held: Partial<Contact> = {}): Promise<void> {
    const { rows } = await this.#db.query<Contact>(sql, values)
    const blank = { partner: false, method: null, notes: null, paid: null, status: null }
    if (rows[0]) this.record.contacts.set(email, { ...blank, ...rows[0], ...held })
  }

  async #update(set: string, value: string | null, held: Partial<Contact> = {}, parents = true): Promise<void> {
    const email = this.#pick()
    if (email === undefined) return
    const contact = this.record.contacts.get(email)
    // nothing refers to a contact whose key changes
    if (
      !parents &&
      (this.record.entries.has(email) || [...this.record.subscriptions.values()].some((s) => s.email === email))
    )
      return
    const { rows } = await this.#db.query<Contact>(`update contacts set ${set} where email = $1 ${RETURNING}`, [
      email,
      value,
    ])
    if (rows.length !== 1) throw new Error(`contact ${email} was not there to be updated`)
    if (contact) Object.assign(contact, rows[0], held)
  }

  async #call(
    call: string,
    values: unknown[],
    held: Partial<Contact>,
    takes: (contact: Contact) => boolean = () => true,
  ): Promise<void> {
    const email = this.#pick()
    const contact = email === undefined ? undefined : this.record.contacts.get(email)
    if (!email || !contact || !takes(contact)) return
    const { rows } = await this.#db.query<{ entry: string }>(`select ${call}::text as entry`, [contact.id, ...values])
    this.record.entries.set(email, [...(this.record.entries.get(email) ?? []), rows[0]?.entry ?? ''])
    Object.assign(contact, held)
    // the function does not say when it was
    const now = await this.#db.query<{ updatedAt: string }>(
      `select updated_at::text as "updatedAt" from contacts where email = $1`,
      [email],
    )
    contact.updatedAt = now.rows[0]?.updatedAt ?? ''
  }
}
