import { sqlState } from '../../src/run/query.ts'
import { connectAs } from '../support/connect.ts'

/** What the feature holds, row by row, as JSON: by the table that it belongs to. */
export type Values = Readonly<Record<string, readonly string[]>>

interface Part {
  /** The columns that a host table loses; null for a table that leaves as a whole. */
  readonly columns: readonly string[] | null
  /** Names under which it can be found. */
  readonly places: RegExp
}

const PARTS: Readonly<Record<string, Part>> = {
  contacts: {
    columns: [
      'is_expected_program_partner',
      'payment_method',
      'payment_method_notes',
      'last_payment_date',
      'partner_status_notes',
    ],
    places: /^(contacts|(backup|archive)_program_partner_contacts.*)$/,
  },
  subscriptions: {
    columns: ['payment_method', 'payment_notes'],
    places: /^(subscriptions|(backup|archive)_program_partner_subscriptions.*)$/,
  },
  program_partner_audit_log: { columns: null, places: /^(backup_)?program_partner_audit_log$/ },
  legacy_program_partner_corrections: { columns: null, places: /^(backup_)?legacy_program_partner_corrections$/ },
}

/** The values of a database that still has the feature. */
export async function readValues(url: string, database: string): Promise<Values> {
  const found = await findPlaces(url, database)
  return Object.fromEntries(Object.keys(PARTS).map((table) => [table, found.find((f) => f.part === table)?.rows ?? []]))
}

/** Says which values are not to be found together in any one place. */
export async function missingValues(url: string, database: string, values: Values): Promise<string[]> {
  const found = await findPlaces(url, database)
  return Object.entries(values).flatMap(([part, rows]) => {
    const places = found.filter((f) => f.part === part)
    if (places.some((place) => rows.every((row) => place.has.has(row)))) return []
    const tried = places.map((p) => `${p.place} has ${String(rows.filter((row) => p.has.has(row)).length)}`)
    return [`data loss: ${String(rows.length)} rows of ${part} are complete nowhere (${tried.join(', ')})`]
  })
}

/** A column or table that is not there any more. */
const RENAMED = ['42703', '42P01']

/** The last statement of a killed client may still rename what is being read: then it is looked for anew. */
async function findPlaces(url: string, database: string): ReturnType<typeof findPlacesNow> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await findPlacesNow(url, database)
    } catch (error) {
      if (attempt >= 3 || !RENAMED.includes(sqlState(error) ?? '')) throw error
    }
  }
}

async function findPlacesNow(url: string, database: string) {
  const client = await connectAs(url, { database })
  try {
    const { rows: tables } = await client.query<{ name: string; columns: string[] }>(`
      select c.relname as name, array_agg(a.attname::text) as columns
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by c.oid`)
    const places: { part: string; place: string; rows: string[]; has: Set<string> }[] = []
    for (const [part, { columns, places: names }] of Object.entries(PARTS))
      for (const table of tables.filter(({ name }) => names.test(name)))
        for (const prefix of columns ? ['', 'unship_hidden_'] : ['']) {
          if (columns?.some((c) => !table.columns.includes(`${prefix}${c}`))) continue
          const value = columns
            ? `jsonb_build_array(${columns.map((c) => `t.${prefix}${c}`).join(', ')})`
            : 'to_jsonb(t)'
          const { rows } = await client.query<{ row: string }>(`
            select t.id::text || ' ' || ${value}::text as row from ${table.name} t
            where ${value} <> '[false, null, null, null, null]' and ${value} <> '[null, null]' order by 1`)
          const found = rows.map(({ row }) => row)
          places.push({ part, place: `${table.name} ${prefix}`.trim(), rows: found, has: new Set(found) })
        }
    return places
  } finally {
    await client.end()
  }
}
