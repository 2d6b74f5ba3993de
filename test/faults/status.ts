import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { guardMigrations, isUnshipError, readStatus, type FeatureStatus } from 'kysely-unship'
import * as migration from '../../migrations/1762603200000_remove_program_partner.ts'
import { connectAs, createPool } from '../support/connect.ts'
import { settingsFor } from './lab.ts'

const NAME = '1762603200000_remove_program_partner'

/** What anybody can see in the catalog and the ledger's rows, without our library. */
interface Seen {
  /** How many of the declared columns and tables there are under their own names. */
  readonly visible: number
  readonly hidden: number
  readonly watched: boolean
  readonly kept: string[]
  readonly run: { direction: string; state: string; phase: string } | null
  readonly recorded: boolean
}

const SEEN = `
  select
    (select count(*)::int from pg_attribute where attnum > 0 and not attisdropped
       and (attrelid = 'contacts'::regclass and attname in ('is_expected_program_partner', 'payment_method', 'payment_method_notes', 'last_payment_date', 'partner_status_notes')
         or attrelid = 'subscriptions'::regclass and attname in ('payment_method', 'payment_notes')))
    + (select count(*)::int from pg_class where relnamespace = 'public'::regnamespace
         and relname in ('program_partner_audit_log', 'legacy_program_partner_corrections')) as visible,
    (select count(*)::int from pg_attribute where attname ~ '^unship_hidden_' and not attisdropped
       and attrelid in ('contacts'::regclass, 'subscriptions'::regclass)) as hidden,
    exists (select from pg_trigger where tgname ~ '^~?unship' and tgrelid = 'contacts'::regclass and not tgisinternal
      and tgfoid in (select oid from pg_proc where pronamespace = to_regnamespace('unship'))) as watched,
    array(select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
      and relname ~ '^(backup|archive)_' order by 1) as kept`
const RUN = `select direction, state, phase from unship.runs where state <> 'aborted' order by id desc limit 1`

/** Everything that the declaration names in the two hosts, and its tables. */
const COMPLETE = 9

async function look(url: string, database: string): Promise<Seen> {
  const client = await connectAs(url, { database })
  try {
    const { rows } = await client.query<Omit<Seen, 'run' | 'recorded'>>(SEEN)
    const [seen] = rows
    if (!seen) throw new Error('the catalog says nothing')
    const [there] = (
      await client.query<{ ledger: boolean; kysely: boolean }>(
        `select to_regclass('unship.runs') is not null as ledger, to_regclass('kysely_migration') is not null as kysely`,
      )
    ).rows
    const run = there?.ledger ? (await client.query<NonNullable<Seen['run']>>(RUN)).rows[0] : undefined
    const record = there?.kysely
      ? (await client.query(`select from kysely_migration where name = '${NAME}'`)).rowCount
      : 0
    return { ...seen, run: run ?? null, recorded: record === 1 }
  } finally {
    await client.end()
  }
}

/** Says what `unship status` tells otherwise than it is, and where `migrate:down` would do harm. */
export async function wrongStatus(lab: { url: string }, database: string): Promise<string[]> {
  const seen = await look(lab.url, database)
  const pool = createPool(settingsFor(lab, database).DATABASE_URL, 2)
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  try {
    const [status, ...others] = await readStatus(db, [migration.programPartner])
    if (!status || others.length > 0) return [`${String(others.length + (status ? 1 : 0))} features`]
    const expected = expectedStatus(seen)
    const problems = expected === null ? [`what is there is impossible: ${JSON.stringify(seen)}`] : []
    for (const [what, wanted] of Object.entries(expected ?? {})) {
      const told = JSON.stringify(factsOf(status)[what as keyof Facts])
      if (told !== JSON.stringify(wanted))
        problems.push(`${what} is told as ${told}, and is ${JSON.stringify(wanted)}: ${JSON.stringify(seen)}`)
    }
    return [...problems, ...(await wrongGuard(db, seen))]
  } finally {
    await db.destroy()
  }
}

interface Facts {
  readonly state: FeatureStatus['state']
  readonly phase: string | null
  readonly active: boolean | null
  readonly complete: boolean
  readonly kept: readonly string[]
}

const factsOf = ({ state, phase, active, present, kept }: FeatureStatus): Facts => ({
  state,
  phase,
  active,
  complete: present !== null && present.found === present.declared,
  kept: kept.map(({ name }) => name.name).sort(),
})

/** What is true, by the objects that are there; null where they do not go together. */
function expectedStatus({ visible, hidden, watched, kept, run }: Seen): Facts | null {
  const here = visible === COMPLETE && hidden === 0
  const away = visible === 0
  const under = (state: Facts['state'], fits: boolean): Facts | null =>
    fits ? { state, phase: run?.phase ?? null, active: false, complete: here, kept } : null
  const settled = (state: Facts['state'], fits: boolean): Facts | null =>
    fits && !watched && hidden === 0 ? { state, phase: null, active: null, complete: here, kept } : null

  if (!run) return settled('installed', here && kept.length === 0)
  if (run.direction === 'removal') {
    if (run.state === 'done') return settled('removed', away && kept.length > 0)
    const before = ['watch', 'copy', 'verify'].includes(run.phase)
    // the watch comes and goes in one instant with the phases that it belongs to
    if (before) return under('removing', here && (run.phase === 'watch' || watched))
    return under('removing', run.phase === 'record' && away && hidden === 0 && !watched)
  }
  if (run.state === 'done') return settled('restored', here)
  if (run.phase === 'add') return under('restoring', away && hidden === 0)
  if (['fill', 'build', 'verify'].includes(run.phase)) return under('restoring', away && hidden === 7)
  return under('restoring', ['validate', 'record'].includes(run.phase) && here)
}

/** A `migrate:down` of the migration before must not run while this one's removal is half done, or not on record. */
async function wrongGuard(db: Kysely<any>, { run, recorded }: Seen): Promise<string[]> {
  const undone: string[] = []
  const before = {
    up: () => Promise.resolve(),
    down: () => {
      undone.push('1_before')
      return Promise.resolve()
    },
  }
  const removal = migration as unknown as Migration
  const provider = guardMigrations({ getMigrations: () => Promise.resolve({ '1_before': before, [NAME]: removal }) })
  const migrations = await provider.getMigrations()
  const trx = await db.startTransaction().execute()
  try {
    // what Kysely undoes is the last on its record
    const [kysely] = (
      await sql<{ there: boolean }>`select to_regclass('kysely_migration') is not null as there`.execute(trx)
    ).rows
    if (kysely?.there) await sql`insert into kysely_migration values ('1_before', '9999-01-01')`.execute(trx)
    await migrations['1_before']?.down?.(trx)
  } catch (error) {
    if (!isUnshipError(error) || error.code !== 'wrong_state') throw error
    if (!error.message.includes('migrate:latest')) return [`the guard does not say what to run: ${error.message}`]
  } finally {
    await trx.rollback().execute()
  }
  const harmful = run?.direction === 'removal' && (run.state === 'running' || !recorded)
  const refused = undone.length === 0
  return refused === harmful ? [] : [`migrate:down of the migration before was ${refused ? 'refused' : 'let through'}`]
}
