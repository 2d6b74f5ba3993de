import { parseArgs } from 'node:util'
import pg from 'pg'
import { bare, count, duration } from '../src/console/format.ts'
import { compare, type Comparison } from './compare.ts'
import { createCrm, type Crm } from './crm.ts'
import { runKysely } from './kysely-ctl.ts'
import { aPartner, liveOn } from './life.ts'
import { readState } from './proof.ts'
import { A_BACKED_UP_ROW, AUDIT_TRAIL, BACKUPS, CONTACT_COLUMNS, LEFT_OF_THE_FEATURE, PARTNERS } from './queries.ts'
import { startServer, type DemoServer } from './server.ts'
import { command, heading, say, show, showQuery } from './tell.ts'

/*
 * `npm run demo`: the feature leaves a live database and comes back, through
 * the two commands that a project would run. `--keep` leaves the server running.
 */

const FEATURE = 'program partner'
const MOST_DIFFERENCES = 20

const { values: options } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort())
// the demo's connections are to its own server and to nothing that the environment names
for (const name of Object.keys(process.env)) if (name.startsWith('PG')) Reflect.deleteProperty(process.env, name)

process.exitCode = await main()

async function main(): Promise<number> {
  const started = performance.now()
  heading('A PostgreSQL server of its own, with a small CRM')
  let server: DemoServer | undefined
  let keeps = false
  try {
    server = await startServer(options)
    interrupt.signal.throwIfAborted()
    const crm = await createCrm(server.url)
    const same = await play(crm)
    say(`The demo took ${duration(performance.now() - started)}.`)
    if (server.keeper !== null) {
      say(
        `The server goes on running:  DATABASE_URL=${crm.ownerUrl}`,
        `To stop and remove it:       kill ${server.keeper}`,
      )
      keeps = true
    }
    return same ? 0 : 1
  } catch (error) {
    if (interrupt.signal.aborted) {
      say('Interrupted.')
      return 130
    }
    console.error(error instanceof Error ? `\n${error.message}` : error)
    return 1
  } finally {
    if (!keeps) await server?.stop()
  }
}

/** Shows removal and restore; whether everything is as it was. */
async function play(crm: Crm): Promise<boolean> {
  const { signal } = interrupt
  const db = new pg.Pool({ connectionString: crm.adminUrl })
  db.on('error', () => undefined)
  const migrate = async (which: string) => {
    signal.throwIfAborted()
    command(`npx kysely ${which}`)
    await runKysely(which, crm.ownerUrl, signal)
  }
  try {
    await showQuery(db, `Of the feature "${FEATURE}" there are`, LEFT_OF_THE_FEATURE)
    await showQuery(db, 'Some of its partners', PARTNERS)
    const before = await readState(crm.adminUrl)

    heading(`The migration removes ${FEATURE}`)
    await migrate('migrate:latest')

    heading('The database without the feature')
    await showQuery(db, `Of the feature "${FEATURE}" there are now`, LEFT_OF_THE_FEATURE)
    await showQuery(db, 'Columns of contacts', CONTACT_COLUMNS)
    await showQuery(db, 'Backup tables', BACKUPS)
    await showQuery(db, 'One of the backed-up rows', A_BACKED_UP_ROW)

    heading('Life goes on')
    const partner = aPartner(before)
    const meanwhile = await liveOn(crm.appUrl, before, partner.id)
    say(
      'The application adds a contact, Nora Neumann,',
      `and deletes one who was a partner with an audit entry, ${partner.name}.`,
    )

    heading(`The migration's down restores ${FEATURE}`)
    await migrate('migrate:down')

    heading('Restored')
    await showQuery(db, `Of the feature "${FEATURE}" there are again`, LEFT_OF_THE_FEATURE)
    await showQuery(db, 'Some of its partners', PARTNERS)
    await showQuery(db, 'The audit trail', AUDIT_TRAIL)

    heading('The proof: the database compared with what it was')
    const comparison = compare(before, await readState(crm.adminUrl), meanwhile)
    tell(comparison)
    return comparison.differences.length === 0
  } finally {
    await db.end()
  }
}

function tell({ definitions, tables, sequences, kept, differences }: Comparison): void {
  say(`${count(definitions, 'definition')} and ${count(sequences, 'sequence')} compared.`)
  show(
    'Rows',
    ['table', 'before', 'the same', 'deleted by the app', 'added by the app', 'now'],
    tables.map((t) => [t.table, ...[t.before, t.same, t.deleted, t.inserted, t.now].map(bare)]),
  )
  if (kept.length > 0) say('Kept beside it:', ...kept.map((table) => `  ${table}`))
  if (differences.length === 0) {
    say('Everything is as it was, apart from what the application itself changed.')
    return
  }
  const listed = differences.slice(0, MOST_DIFFERENCES).map((difference) => `  ${difference}`)
  if (differences.length > MOST_DIFFERENCES) listed.push(`  and ${differences.length - MOST_DIFFERENCES} more`)
  say(`NOT as it was: ${count(differences.length, 'difference')}`, ...listed)
}
