import type pg from 'pg'
import { expect } from 'vitest'
import type { FeatureDeclaration } from 'kysely-unship'
import { id } from '../../src/sql.ts'
import type { TestDatabase } from '../support/database.ts'
import { at } from './choice.ts'
import type { LifeStep } from './description.ts'
import { spell } from './feature.ts'
import { readImages, type Images } from './images.ts'
import type { RenderedColumn, RenderedTable, Rendering } from './render.ts'
import { insertRow, valueOf } from './rows.ts'

interface Kept {
  readonly table: RenderedTable
  readonly columns: readonly RenderedColumn[]
  readonly removed: readonly RenderedColumn[]
}

/**
 * Life without the feature, and beside it in a twin that never lost it. A step is taken only
 * where both databases take it and agree on what stays: an application without the feature
 * can do more (there is no constraint of the feature's), and less happens (no trigger of its).
 */
export class Life {
  readonly #database: TestDatabase
  readonly #kept: readonly Kept[]
  /** Those of them whose rows a statement can name meanwhile. */
  readonly #livedIn: readonly Kept[]
  readonly #moved: readonly RenderedTable[]
  readonly #twin: TestDatabase
  #lived: Images = {}
  /** How many steps both databases took. */
  taken = 0

  constructor(database: TestDatabase, twin: TestDatabase, { tables }: Rendering, feature: FeatureDeclaration) {
    this.#database = database
    this.#twin = twin
    this.#moved = tables.filter((t) => feature.tables?.includes(spell(t)))
    this.#kept = tables
      .filter((t) => !this.#moved.includes(t))
      .map((table) => {
        const names = feature.columns?.[spell(table)] ?? []
        return {
          table,
          columns: table.columns.filter((c) => !names.includes(c.name)),
          removed: table.columns.filter((c) => names.includes(c.name)),
        }
      })
    this.#livedIn = this.#kept.filter(({ table, removed }) => !removed.some((c) => table.key.includes(c)))
  }

  async run(steps: readonly LifeStep[]): Promise<void> {
    if (this.#livedIn.length > 0) {
      const here = await this.#database.connect('admin')
      const there = await this.#twin.connect('admin')
      for (const [n, step] of steps.entries()) await this.#take(here, there, n, step)
      await Promise.all([here.end(), there.end()])
    }
    this.#lived = await readImages(this.#database)
  }

  async #take(here: pg.Client, there: pg.Client, n: number, step: LifeStep): Promise<void> {
    const kept = at(this.#livedIn, step.table)
    const was = step.kind === 'delete' ? this.#removedValues(await readImages(there)) : undefined
    const refused = await attempt(there, sqlOf(kept, n, step, kept.removed.filter(hasToBeGiven)))
    const error = await attempt(here, sqlOf(kept, n, step, []))
    if (error && !refused) throw new Error('what passes with the feature fails without it', { cause: error })
    const agreed = !refused && !error && this.#agree(await readImages(here), await readImages(there), was)
    if (agreed) this.taken++
    await Promise.all([here, there].map((client) => client.query(agreed ? 'commit' : 'rollback')))
  }

  /** Whether what is kept is the same here and in the twin, and no deletion there reached a removed reference. */
  #agree(here: Images, there: Images, was: ReadonlyMap<string, string> | undefined): boolean {
    for (const [row, value] of was ? this.#removedValues(there) : []) if (was?.get(row) !== value) return false
    return this.#kept.every(({ table, columns }) => {
      const names = columns.map((c) => c.name)
      return JSON.stringify(sorted(here[nameOf(table)], names)) === JSON.stringify(sorted(there[nameOf(table)], names))
    })
  }

  /** The removed values of each row of a host table that has a key. */
  #removedValues(images: Images): Map<string, string> {
    const values = new Map<string, string>()
    for (const { table, removed } of this.#kept)
      for (const [key, row] of table.key.length > 0 ? byKey(table, images[nameOf(table)]) : [])
        values.set(
          `${nameOf(table)} ${key}`,
          JSON.stringify(
            only(
              row,
              removed.map((c) => c.name),
            ),
          ),
        )
    return values
  }

  /** What is kept is as life left it, removed values are what they were, new rows have what the twin gave them. */
  async compare(before: Images, after: Images): Promise<void> {
    const twin = await readImages(this.#twin)
    for (const { table, columns, removed } of this.#kept) {
      const name = nameOf(table)
      const kept = columns.map((c) => c.name)
      expect(sorted(after[name], kept), name).toEqual(sorted(this.#lived[name], kept))
      if (table.key.length === 0) continue
      const was = byKey(table, before[name])
      const twins = byKey(table, twin[name])
      const stored = removed.filter((c) => !c.sql.endsWith(' stored'))
      for (const [key, row] of byKey(table, after[name])) {
        const old = was.get(key)
        const expected = old ? stored : stored.filter((c) => !c.varies && !c.automatic)
        const names = expected.map((c) => c.name)
        expect(only(row, names), `${old ? 'old' : 'new'} row ${key} of ${name}`).toEqual(
          only(old ?? twins.get(key) ?? {}, names),
        )
      }
    }
    for (const table of this.#moved) {
      // orphans of a key that is NOT VALID stay as they are: they may have been there before
      if (table.unvalidated) continue
      const name = nameOf(table)
      expect(after[name], `moved ${name}`).toEqual(twin[name])
    }
  }
}

/** NOT NULL without a default: the declaration gives such rows the first value. */
const hasToBeGiven = (column: RenderedColumn) =>
  column.notNull && column.role === 'value' && !column.automatic && !column.sql.includes(' default ')

const nameOf = ({ name }: RenderedTable) => `${name.schema}.${name.name}`

const only = (row: Record<string, string>, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, row[name]]))

const sorted = (rows: Images[string] | undefined, names: readonly string[]) =>
  (rows ?? []).map((row) => JSON.stringify(only(row, [...names].sort()))).sort()

const byKey = (table: RenderedTable, rows: Images[string] | undefined) =>
  new Map((rows ?? []).map((row) => [table.key.map((c) => row[c.name]).join(' '), row]))

/** Runs in a transaction that stays open, deferred constraints checked; returns the error. */
async function attempt(client: pg.Client, sql: string): Promise<unknown> {
  await client.query('begin')
  try {
    await client.query(sql)
    await client.query('set constraints all immediate')
    return undefined
  } catch (error) {
    return error ?? new Error('it failed')
  }
}

function sqlOf({ table, columns }: Kept, n: number, step: LifeStep, fixed: readonly RenderedColumn[]): string {
  // beyond the rows that were there before
  if (step.kind === 'insert') return insertRow(table, 200 + n, step.values, columns, fixed)
  const plain = columns.filter((c) => c.role === 'value' && !c.automatic)
  const key = table.key.map((c) => id(c.name)).join(', ')
  const row = String(step.row % 4)
  const where =
    table.key.length > 0
      ? `where (${key}) = (select ${key} from ${table.sql} order by ${key} offset ${row} limit 1)`
      : 'where false'
  if (step.kind === 'delete') return `delete from ${table.sql} ${where}`
  if (plain.length === 0) return 'select'
  const column = at(plain, step.column)
  return `update ${table.sql} set ${id(column.name)} = ${valueOf(column, step.values[0] ?? 0)} ${where}`
}
