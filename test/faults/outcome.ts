import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { describeDatabase } from '../../src/catalog/describe.ts'
import { connectAs, createPool, urlWith } from '../support/connect.ts'

/** All that must be the same after a broken run that was finished and after an undisturbed one. */
export interface Outcome {
  /** pg_dump's statements where there is one new enough, else our own description; without times in names. */
  readonly definitions: readonly string[]
  /** By table, a hash over its rows. */
  readonly rows: Readonly<Record<string, string>>
  /** What Kysely has on record. */
  readonly migrations: readonly string[]
  /** The ledger's runs that count. */
  readonly runs: readonly string[]
  /** What no run may leave behind. */
  readonly leftovers: readonly string[]
}

const STAMP = /[_ ]\d{4}_\d\d_\d\d_\d{6}/g
const stampless = (text: string) => text.replace(STAMP, '').replace(/ \(run \d+\)/g, '')

export async function readOutcome(url: string, database: string): Promise<Outcome> {
  const client = await connectAs(url, { database })
  try {
    return {
      definitions: await readDefinitions(urlWith(url, { database }), client),
      rows: await readRows(client),
      migrations: await readMigrations(client),
      ...(await readLedger(client)),
    }
  } finally {
    await client.end()
  }
}

/** PostgreSQL 18 names NOT NULL, and numbers it where an earlier backup, retired by now, has the name. */
const NUMBERED = /("backup_\w+_not_null)\d+"/g

const EXCLUDED = ['--exclude-schema=unship', '--exclude-table=kysely_migration*']

async function readDefinitions(url: string, client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ major: number }>(
    `select current_setting('server_version_num')::int / 10000 as major`,
  )
  if (pgDumpMajor() < (rows[0]?.major ?? 0)) return await describeIt(url)
  const { stdout } = await promisify(execFile)('pg_dump', [...EXCLUDED, '--schema-only', `--dbname=${url}`], {
    maxBuffer: 2 ** 26,
  })
  return stampless(stdout)
    .replace(/^(--.*|\\(un)?restrict .*)\n/gm, '')
    .split(/\n\n+/)
    .map((s) => (s.startsWith('CREATE TABLE') ? s.replaceAll(/,$/gm, '').split('\n').sort().join('\n') : s))
    .sort()
}

async function describeIt(url: string): Promise<string[]> {
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(url, 1) }) })
  try {
    return Object.entries(await describeDatabase(db))
      .filter(([identity]) => !identity.includes('.kysely_migration'))
      .map(([identity, definition]) => stampless(`${identity} ${JSON.stringify(definition)}`).replace(NUMBERED, '$1"'))
      .sort()
  } finally {
    await db.destroy()
  }
}

let dumpMajor: number | undefined
function pgDumpMajor(): number {
  try {
    dumpMajor ??= Number(/\(PostgreSQL\) (\d+)/.exec(execFileSync('pg_dump', ['--version'], { encoding: 'utf8' }))?.[1])
  } catch {
    dumpMajor = 0
  }
  return dumpMajor
}

async function readRows(client: pg.Client): Promise<Record<string, string>> {
  const { rows: tables } = await client.query<{ name: string; columns: string }>(`
    select c.relname as name, string_agg(quote_ident(a.attname), ', ' order by a.attname) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'S') and c.relname !~ '^kysely_migration'
      and a.attname not in ('backed_up_at', 'log_cnt')
    group by 1 order by 1`)
  const found: Record<string, string> = {}
  // few at a time: each is locked until the statement ends
  for (let from = 0; from < tables.length; from += 30) {
    const some = tables.slice(from, from + 30).map(
      ({ name, columns }) => `(select count(*) || ' ' || coalesce(sum(hashtextextended(row(${columns})::text, 0)), 0)
        from "${name}") as "${name}"`,
    )
    const { rows } = await client.query<Record<string, string>>(`select ${some.join(', ')}`)
    for (const [name, value] of Object.entries(rows[0] ?? {})) found[stampless(name)] = value
  }
  return found
}

async function readMigrations(client: pg.Client): Promise<string[]> {
  const { rows: there } = await client.query(`select 1 where to_regclass('kysely_migration') is not null`)
  if (there.length === 0) return []
  return (await client.query<{ name: string }>('select name from kysely_migration order by 1')).rows.map((r) => r.name)
}

async function readLedger(client: pg.Client): Promise<{ runs: string[]; leftovers: string[] }> {
  const lines = async (sql: string) => (await client.query<{ line: string }>(sql)).rows.map(({ line }) => line)
  const leftovers = await lines(`
    select 'invalid index ' || indexrelid::regclass as line from pg_index where not indisvalid or not indisready
    union all select 'hidden column ' || attrelid::regclass || '.' || attname from pg_attribute
      where attname ~ '^unship' and not attisdropped and attrelid not in (select oid from pg_class where relnamespace = to_regnamespace('unship'))
    union all select 'trigger ' || tgrelid::regclass || ' ' || tgname from pg_trigger where tgname ~ '^~?unship' or tgenabled = 'D'
    union all select 'constraint ' || conrelid::regclass || ' ' || conname from pg_constraint where not convalidated or conname ~ '^unship'
    union all select 'in schema unship: ' || relname from pg_class where relnamespace = to_regnamespace('unship') and relkind = 'r'
      and relname not in ('runs', 'objects', 'statements', 'events')
    union all select 'in schema unship: ' || proname || '()' from pg_proc where pronamespace = to_regnamespace('unship')
    union all select 'lock of pid ' || pid || ': ' || locktype from pg_locks
      where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`)
  if ((await lines(`select 'there' as line where to_regclass('unship.runs') is not null`)).length === 0)
    return { runs: [], leftovers }
  const halves = await lines(`
    select 'run ' || id || ' is still running' as line from unship.runs where state = 'running'
    union all select 'run ' || id || ' has ended without a time' from unship.runs where state <> 'running' and finished_at is null
    union all select 'run ' || r.id || ' has no checksums' from unship.runs r where direction = 'removal' and state = 'done' and checksums = '{}'
    union all select 'run ' || r.id || ' has no statements' from unship.runs r where direction = 'removal' and state = 'done'
      and not exists (select from unship.statements s where s.run_id = r.id)
    union all select 'run ' || r.id || ' has no objects' from unship.runs r where direction = 'removal' and state = 'done'
      and not exists (select from unship.objects o where o.run_id = r.id)
    union all select 'run ' || r.id || ' has no closing event' from unship.runs r where state = 'done'
      and not exists (select from unship.events e where e.run_id = r.id and e.event = case direction when 'removal' then 'removed' else 'restored' end)`)
  const runs = await lines(
    `select direction || ' ' || state as line from unship.runs where state <> 'aborted' order by id`,
  )
  return { runs, leftovers: [...leftovers, ...halves] }
}

/** How two outcomes differ, in lines. */
export function differences(expected: Outcome, found: Outcome): string[] {
  return [...inObjects(expected, found), ...inRecords(expected, found)]
}

/** The same for the database's own objects alone. */
export function inObjects(expected: Outcome, found: Outcome): string[] {
  const missing = (a: readonly string[], b: readonly string[], what: string) =>
    a.filter((x) => !b.includes(x)).map((x) => `${what}: ${x.replace(/\s+/g, ' ').slice(0, 200)}`)
  return [
    ...missing(expected.definitions, found.definitions, 'definition missing'),
    ...missing(found.definitions, expected.definitions, 'definition too many'),
    ...Object.keys({ ...expected.rows, ...found.rows }).flatMap((name) =>
      expected.rows[name] === found.rows[name]
        ? []
        : [`rows of ${name}: ${found.rows[name] ?? 'none'} instead of ${expected.rows[name] ?? 'none'}`],
    ),
    ...found.leftovers.map((l) => `left behind: ${l}`),
  ]
}

const inRecords = (expected: Outcome, found: Outcome) =>
  (['migrations', 'runs'] as const).flatMap((what) =>
    expected[what].join() === found[what].join()
      ? []
      : [`${what}: ${found[what].join() || 'none'} instead of ${expected[what].join() || 'none'}`],
  )

/** Without what a finished restore leaves for good. */
export const withoutArchives = (outcome: Outcome): Outcome => ({
  ...outcome,
  definitions: outcome.definitions.filter((d) => !d.includes('archive_')),
  rows: Object.fromEntries(Object.entries(outcome.rows).filter(([name]) => !name.startsWith('archive_'))),
})
