import pg from 'pg'
import type { Meanwhile } from './compare.ts'
import type { State } from './proof.ts'

/** Tables whose rows go with their contact. */
const OF_A_CONTACT = ['subscriptions', 'notes', 'program_partner_audit_log', 'legacy_program_partner_corrections']

/** What contacts get in columns that they were inserted without. */
const DEFAULTS = {
  is_expected_program_partner: false,
  payment_method: null,
  payment_method_notes: null,
  last_payment_date: null,
  partner_status_notes: null,
}

/** A partner with an audit entry and without payment data. */
export function aPartner(state: State): { id: string; name: string } {
  const entries = [...(state.tables.get('program_partner_audit_log') ?? [])].map(([, row]) => parse(row).contact_id)
  for (const [id, row] of state.tables.get('contacts') ?? []) {
    const contact = parse(row)
    if (contact.payment_method === null && entries.includes(id)) return { id, name: nameOf(contact) }
  }
  throw new Error('the demo has no such partner')
}

/**
 * A day in the life of the application: a contact comes, a partner goes.
 * Returns what must differ after it, and nothing else may.
 */
export async function liveOn(appUrl: string, before: State, partnerId: string): Promise<Meanwhile> {
  const app = new pg.Client({ connectionString: appUrl })
  await app.connect()
  try {
    const { rows } = await app.query<{ id: string; row: Record<string, unknown> }>(`
      insert into contacts as c (first_name, last_name, email)
      values ('Nora', 'Neumann', 'nora.neumann@example.org')
      returning c.id, row_to_json(c) as row`)
    await app.query('delete from contacts where id = $1', [partnerId])
    return {
      inserted: new Map([['contacts', new Map(rows.map(({ id, row }) => [id, { ...row, ...DEFAULTS }]))]]),
      deleted: new Map([
        ['contacts', new Set([partnerId])],
        ...OF_A_CONTACT.map((table) => [table, keysOf(before, table, partnerId)] as const),
      ]),
    }
  } finally {
    await app.end()
  }
}

function keysOf(state: State, table: string, contactId: string): Set<string> {
  const rows = [...(state.tables.get(table) ?? [])]
  return new Set(rows.filter(([, row]) => parse(row).contact_id === contactId).map(([key]) => key))
}

const parse = (row: string) => JSON.parse(row) as Record<string, unknown>
const nameOf = (contact: Record<string, unknown>) => `${String(contact.first_name)} ${String(contact.last_name)}`
