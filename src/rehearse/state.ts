import { execFile } from 'node:child_process'
import { isDeepStrictEqual, promisify } from 'node:util'
import type { AnyKysely } from '../any-kysely.ts'
import { describeDatabase, type Description } from '../catalog/describe.ts'
import { readRuns } from '../ledger/history.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { readKept } from '../run/backups/kept-tables.ts'
import { id, qualified, type QualifiedName } from '../sql.ts'
import { readRowImages } from './row-images.ts'
import { statementWithoutPasswords } from '../secrets.ts'

/** All of a database that has to be as it was. */
export interface State {
  readonly definitions: Description
  /** By table: how many rows, and a hash of them. */
  readonly rows: Readonly<Record<string, string>>
  /** Statements of pg_dump, columns within a table in any order; null where no pg_dump is new enough. */
  readonly dump: readonly string[] | null
}

/** Kysely's own tables, which a migration may leave. */
const KYSELYS = ['kysely_migration', 'kysely_migration_lock']

/** Reads all that is there but our ledger, Kysely's own tables and those of `except`. */
export async function readState(
  db: AnyKysely,
  url: string,
  pgDump: string | null,
  except: readonly QualifiedName[] = [],
): Promise<State> {
  const passedOver = ({ schema, name }: QualifiedName) =>
    KYSELYS.includes(name) || except.some((e) => e.schema === schema && e.name === name)
  return {
    definitions: await describeDatabase(db, except),
    rows: await readRowImages(db, passedOver),
    dump: pgDump === null ? null : await readDump(pgDump, url, except),
  }
}

/** Tables that were not there before, and that the ledger keeps for good or until a restore: backups, archives, rows set aside. */
export async function keptSince(db: AnyKysely, before: State): Promise<QualifiedName[]> {
  const { tables } = await readKept(db, await readRuns(db))
  return tables.map(({ name }) => name).filter(({ schema, name }) => !(`table ${schema}.${name}` in before.definitions))
}

/** The pg_dump on PATH, if it can read a server of this major. */
export async function findPgDump(major: number): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('pg_dump', ['--version'])
    return Number(/\(PostgreSQL\) (\d+)/.exec(stdout)?.[1]) >= major ? 'pg_dump' : null
  } catch {
    return null // there is none
  }
}

async function readDump(pgDump: string, url: string, except: readonly QualifiedName[]): Promise<string[]> {
  const passedOver = [...KYSELYS.map((name) => `*.${id(name)}`), ...except.map(qualified)]
  const { stdout } = await promisify(execFile)(
    pgDump,
    [
      ...['--schema-only', `--dbname=${url}`, `--exclude-schema=${id(LEDGER_SCHEMA)}`],
      ...passedOver.map((pattern) => `--exclude-table=${pattern}`),
    ],
    { maxBuffer: 2 ** 30 },
  )
  return stdout
    .replace(/^(?:-- Dumped .*|\\(?:un)?restrict .*)\n/gm, '')
    .split(/\n\n\n?/)
    .filter((s) => s.trim() !== '' && !/^\s*(?:--|SET |SELECT pg_catalog\.set_config)/.test(s))
    .map((s) => (/^\s*CREATE TABLE/.test(s) ? lines(s).sort().join('\n') : s))
    .sort()
}

const lines = (statement: string) => statement.split('\n').map((line) => line.replace(/,$/, ''))

/** Of two things that are there, only what differs in them. */
function change(was: unknown, is: unknown): string {
  if (is === undefined) return 'was there, is not there'
  if (was === undefined) return 'was not there, is there'
  const [before, after] = [fields(was), fields(is)]
  if (before === null || after === null) return `was ${JSON.stringify(was)}, is ${JSON.stringify(is)}`
  const differ = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => !isDeepStrictEqual(before[key], after[key]),
  )
  const shown = (of: Record<string, unknown>) => JSON.stringify(Object.fromEntries(differ.map((key) => [key, of[key]])))
  return `was ${shown(before)}, is ${shown(after)}`
}

const fields = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null

/** What differs, a line each. */
export function differences(before: State, after: State): string[] {
  const found: string[] = []
  for (const kind of ['definitions', 'rows'] as const)
    for (const name of new Set([...Object.keys(before[kind]), ...Object.keys(after[kind])])) {
      const [was, is] = [before[kind][name], after[kind][name]]
      if (isDeepStrictEqual(was, is)) continue
      found.push(`${kind === 'rows' ? 'rows of ' : ''}${name}: ${change(was, is)}`)
    }
  const [was, is] = [new Set(before.dump), new Set(after.dump)]
  for (const statement of was)
    if (!is.has(statement)) found.push(`pg_dump no longer says: ${statementWithoutPasswords(statement.trim())}`)
  for (const statement of is)
    if (!was.has(statement)) found.push(`pg_dump now says: ${statementWithoutPasswords(statement.trim())}`)
  return found
}
