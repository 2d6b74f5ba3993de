import type pg from 'pg'
import { OWNER, templateName } from '../support/cluster.ts'
import { connectAs, urlWith } from '../support/connect.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { readOutcome, type Outcome } from './outcome.ts'
import { Proxy } from './proxy.ts'
import { readValues, type Values } from './values.ts'

/** Values that the demo has none of: of contacts without the flag, of subscriptions, corrections, more of the log. */
const MORE_DATA = `
  update contacts set payment_method = 'cash', payment_method_notes = '' where email ~ '^contact1[0-3]@';
  update contacts set partner_status_notes = 'once' where email ~ '^contact2[0-3]@';
  update subscriptions set payment_method = 'card', payment_notes = 'paid by ' || id where id in (select id from subscriptions order by id limit 40);
  insert into program_partner_audit_log (contact_id, action, notes) select id, 'partner_added', email from contacts where email ~ '^contact1[0-9]?@';
  insert into legacy_program_partner_corrections (contact_id, field_name) select id, email from contacts where email ~ '^contact3[0-9]?@'`

/** The databases that runs are broken in, and what must come of them in the end. */
export interface Lab {
  readonly url: string
  readonly prefix: string
  /** What the feature held, kept outside. */
  readonly values: Values
  /** What undisturbed runs end with. */
  readonly outcomes: { readonly intact: Outcome; readonly up: Outcome; readonly down: Outcome }
  /** What each sends, undisturbed. */
  readonly statements: { readonly up: readonly string[]; readonly down: readonly string[] }
}

export const COMMANDS = { up: 'migrate:latest', down: 'migrate:down' } as const
export type Command = keyof typeof COMMANDS

/** What a command starts from. */
const templateOf = { up: 'intact', down: 'removed' } as const

/** The connection settings of a migration. */
export const settingsFor = (lab: { url: string }, database: string) => ({
  DATABASE_URL: urlWith(lab.url, { database, user: OWNER, password: OWNER }),
})

/** Makes the templates beside those of a cluster of tests, and runs both commands undisturbed. */
export async function prepareLab({ url, prefix }: { url: string; prefix: string }): Promise<Lab> {
  const intact = `${prefix}intact`
  const removed = `${prefix}removed`
  const restored = `${prefix}restored`
  await maintain(url, `create database ${intact} template ${templateName(prefix, 'demo')} owner ${OWNER}`)
  const client = await connectAs(url, { database: intact })
  await client.query(`set role ${OWNER}; ${MORE_DATA}`)
  await client.end()
  const values = await readValues(url, intact)
  const before = await readOutcome(url, intact)
  const run = async (from: string, to: string, command: Command) => {
    await maintain(url, `create database ${to} template ${from} owner ${OWNER}`)
    const { DATABASE_URL } = settingsFor({ url }, to)
    const proxy = await Proxy.listen(DATABASE_URL)
    const { code, output } = await kysely(COMMANDS[command], { DATABASE_URL: proxy.through(DATABASE_URL) })
    await proxy.close()
    if (code !== 0) throw new Error(output)
    return { statements: proxy.statements, outcome: await readOutcome(url, to) }
  }
  const up = await run(intact, removed, 'up')
  const down = await run(removed, restored, 'down')
  // a server that recovers would let the templates' sequences skip ahead
  await maintain(url, 'checkpoint')
  return {
    ...{ url, prefix, values },
    outcomes: { intact: before, up: up.outcome, down: down.outcome },
    statements: { up: up.statements, down: down.statements },
  }
}

/** A database for one case. */
export async function createCase(lab: Lab, name: string, command: Command): Promise<void> {
  await copyDatabase(lab, `${lab.prefix}${templateOf[command]}`, name)
}

/**
 * Copies files: a copy by way of the log, as it is made from 15 on, takes over that the next values of
 * its sequences have been logged, which they have not in the copy; a server that crashes gives them again.
 */
export async function copyDatabase(lab: Lab, from: string, to: string): Promise<void> {
  const [server] = await ask<{ major: number }>(
    lab.url,
    undefined,
    `select current_setting('server_version_num')::int / 10000 as major`,
  )
  const strategy = (server?.major ?? 0) >= 15 ? ' strategy file_copy' : ''
  await maintain(lab.url, `create database ${to} template ${from} owner ${OWNER}${strategy}`)
}

export const dropDatabase = (lab: Lab, name: string): Promise<void> =>
  maintain(lab.url, `drop database if exists ${name} with (force)`)

/** Runs a statement outside of the cases' databases. */
export async function maintain(url: string, sql: string): Promise<void> {
  await ask(url, undefined, sql)
}

/** Asks one question as the superuser. */
export async function ask<Row extends pg.QueryResultRow>(
  url: string,
  database: string | undefined,
  sql: string,
): Promise<Row[]> {
  const client = await connectAs(url, database === undefined ? {} : { database })
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** Drops the templates. */
export async function dropLab({ url, prefix }: Lab): Promise<void> {
  for (const name of ['intact', 'removed', 'restored'])
    await maintain(url, `drop database if exists ${prefix}${name} with (force)`)
}
