import { isDeepStrictEqual } from 'node:util'
import type { State } from './proof.ts'

/** What the application did between removal and restore, by table. */
export interface Meanwhile {
  /** Keys of rows that went. */
  readonly deleted: ReadonlyMap<string, ReadonlySet<string>>
  /** Rows that came, by key, as they must be now. */
  readonly inserted: ReadonlyMap<string, ReadonlyMap<string, unknown>>
}

/** A table's rows, counted. */
export interface TableComparison {
  readonly table: string
  readonly before: number
  readonly same: number
  readonly deleted: number
  readonly inserted: number
  readonly now: number
}

/** What a comparison found. */
export interface Comparison {
  readonly definitions: number
  readonly tables: readonly TableComparison[]
  readonly sequences: number
  /** Objects that stand beside what was there: backups that are kept. */
  readonly kept: readonly string[]
  readonly differences: readonly string[]
}

/** Compares a database with what it was, where only the application's own changes are allowed. */
export function compare(before: State, after: State, meanwhile: Meanwhile): Comparison {
  const kept = [...after.tables.keys()].filter((table) => isBackup(table) && !before.tables.has(table))
  const tables = [...before.tables.keys()].map((table) => compareTable(table, before, after, meanwhile))
  return {
    definitions: Object.keys(before.definitions).length,
    tables: tables.map(({ counts }) => counts),
    sequences: before.sequences.size,
    kept,
    differences: [
      ...compareDefinitions(before.definitions, after.definitions, kept),
      ...[...after.tables.keys()]
        .filter((table) => !before.tables.has(table) && !kept.includes(table))
        .map((table) => `table ${table} was not there`),
      ...tables.flatMap(({ differences }) => differences),
      ...[...before.sequences]
        .filter(([name, value]) => after.sequences.get(name) !== value)
        .map(([name, value]) => `sequence ${name} stood at ${value}, now at ${after.sequences.get(name) ?? '(gone)'}`),
    ],
  }
}

/** Kysely's own tables come with the first migration. */
const KYSELY = ['kysely_migration', 'kysely_migration_lock']

/** What a restore may leave: earlier backups, and rows it set aside. */
const isBackup = (table: string) => /backup|archive|aside/.test(table)

function compareDefinitions(
  before: State['definitions'],
  after: State['definitions'],
  kept: readonly string[],
): string[] {
  const changed = Object.keys(before).flatMap((identity) => {
    if (!(identity in after)) return [`${identity} is missing`]
    if (isDeepStrictEqual(before[identity], after[identity])) return []
    return changedProperties(before[identity], after[identity]).map((change) => `${identity}: ${change}`)
  })
  const added = Object.keys(after).filter(
    (identity) =>
      !(identity in before) && ![...KYSELY, ...kept].some((table) => belongsTo(table, identity, after[identity])),
  )
  return [...changed, ...added.map((identity) => `${identity} was not there`)]
}

function changedProperties(was: unknown, is: unknown): string[] {
  const properties = (definition: unknown) => new Map(Object.entries(definition ?? {}))
  const [a, b] = [properties(was), properties(is)]
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((name) => !isDeepStrictEqual(a.get(name), b.get(name)))
    .map((name) => `${name} was ${JSON.stringify(a.get(name))}, is ${JSON.stringify(b.get(name))}`)
}

/** Whether a definition is a kept table's own, or of its columns, constraints, indexes, sequences. */
function belongsTo(table: string, identity: string, definition: unknown): boolean {
  const mentions = (text: string) => text.split(/[^\p{L}\p{N}_$]+/u).includes(table)
  return mentions(identity) || mentions(JSON.stringify(definition))
}

function compareTable(
  table: string,
  before: State,
  after: State,
  { deleted, inserted }: Meanwhile,
): { counts: TableComparison; differences: string[] } {
  const was = before.tables.get(table) ?? new Map<string, string>()
  const is = after.tables.get(table)
  const gone = deleted.get(table) ?? new Set<string>()
  const came = inserted.get(table) ?? new Map<string, unknown>()
  const differences: string[] = []
  const differs = (key: string, what: string) => differences.push(`${table}, row ${key}: ${what}`)
  let same = 0
  for (const [key, row] of was) {
    const now = is?.get(key)
    if (gone.has(key)) {
      if (now !== undefined) differs(key, 'was deleted, and is there again')
    } else if (now === undefined) differs(key, 'is missing')
    else if (now === row) same++
    else differs(key, `was ${row}, is ${now}`)
  }
  for (const [key, row] of is ?? []) {
    if (was.has(key)) continue
    if (!came.has(key)) differs(key, 'was not there')
    else if (!isDeepStrictEqual(JSON.parse(row), came.get(key)))
      differs(key, `should be ${JSON.stringify(came.get(key))}, is ${row}`)
  }
  for (const key of came.keys()) if (!is?.has(key)) differs(key, 'came in meanwhile, and is missing')
  return {
    counts: { table, before: was.size, same, deleted: gone.size, inserted: came.size, now: is?.size ?? 0 },
    differences,
  }
}
