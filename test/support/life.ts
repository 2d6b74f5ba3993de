import { describeDatabase } from '../../src/catalog/describe.ts'
import type { TestDatabase } from './database.ts'
import { pgDumpSchema } from './dump.ts'

/** Everything that must be the same after a round trip. */
export interface State {
  readonly definitions: Record<string, unknown>
  readonly rows: Record<string, string[]>
  readonly dump: string[] | undefined
}

const OURS = /^(archive_|backup_|set_aside_|kysely_migration)/

/**
 * Reads definitions, rows and, where pg_dump is, a dump: columns of a table in any order, our own tables left out.
 * The dump takes the longest; a test can do without.
 */
export async function readState(database: TestDatabase, { dump }: { dump: boolean } = { dump: true }): Promise<State> {
  const all = await describeDatabase(database.admin)
  const schemas = await database.query<{ nspname: string }>('select nspname from pg_namespace')
  const withoutSchema = (identity: string) => {
    const name = identity.replace(/^(?:materialized view|sequence options|system column|\w+) /, '')
    const schema = schemas.find(({ nspname }) => name.startsWith(`${nspname}.`))
    return schema ? name.slice(schema.nspname.length + 1) : name
  }
  const definitions = Object.fromEntries(
    Object.entries(all).filter(([identity]) => !OURS.test(withoutSchema(identity))),
  )
  const tables = await database.query<{ name: string; relname: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm', 'p') and c.relispopulated and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'unship') order by 1`,
  )
  const rows: Record<string, string[]> = {}
  for (const { name, relname } of tables) {
    if (OURS.test(relname)) continue
    const found = await database.query<{ j: string }>(`select to_jsonb(t)::text as j from ${name} t order by 1`)
    rows[name] = found.map((r) => r.j)
  }
  const sequences = await database.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'S' and n.nspname !~ '^pg_' and n.nspname <> 'unship' order by 1`,
  )
  for (const { name } of sequences)
    rows[name] = (
      await database.query<{ j: string }>(`select last_value::text || ' ' || is_called as j from ${name}`)
    ).map((r) => r.j)
  return { definitions, rows, dump: dump ? await schemaDump(database) : undefined }
}

/**
 * pg_dump's schema as a sorted list of statements, the lines within a CREATE TABLE
 * sorted too: what remains is everything but order.
 */
async function schemaDump(database: TestDatabase): Promise<string[] | undefined> {
  const dump = await pgDumpSchema(database.url)
  if (dump === undefined) return undefined
  const statements = dump
    .split(/\n\n\n?/)
    .filter(
      (s) => s.trim() !== '' && !s.trim().startsWith('--') && !/^SET |^SELECT pg_catalog.set_config/.test(s.trim()),
    )
    .filter((s) => !/\b(unship\b|archive_|backup_|set_aside_|kysely_migration)/.test(s))
  return statements
    .map((s) => (s.includes('CREATE STATISTICS') ? withSortedColumns(s) : s))
    .map((s) => (s.includes('ALTER PUBLICATION') ? withSortedList(s) : s))
    .map((s) =>
      s.trim().startsWith('CREATE TABLE')
        ? s
            .split('\n')
            .map((l) => l.replace(/,$/, ''))
            .sort()
            .join('\n')
        : s,
    )
    .sort()
}

const NAME = /"(?:[^"]|"")*"|\w+/g
const NAMES = `(?:${NAME.source})(?:, (?:${NAME.source}))*`
const sorted = (names: string) => (names.match(NAME) ?? []).sort().join(', ')

/** Columns of a publication's list are printed in the order that their table has them in. */
const withSortedList = (statement: string) =>
  statement.replace(
    new RegExp(`( ADD TABLE ONLY (?:${NAME.source})\\.(?:${NAME.source}) \\()(${NAMES})\\)`),
    (_, head: string, columns: string) => `${head}${sorted(columns)})`,
  )

/** So are those of statistics. */
const withSortedColumns = (statement: string) =>
  statement.replace(new RegExp(` ON (${NAMES})(?=, | FROM )`), (_, columns: string) => ` ON ${sorted(columns)}`)
