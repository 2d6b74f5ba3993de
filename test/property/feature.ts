import { isUnshipError, removeFeature, type FeatureDeclaration, type Suggestion, type UnshipError } from 'kysely-unship'
import { spellName } from '../../src/names.ts'
import type { TestDatabase } from '../support/database.ts'
import { at } from './choice.ts'
import type { FeatureChoice } from './description.ts'
import type { RenderedTable } from './render.ts'

type Declared = { -readonly [K in keyof FeatureDeclaration]: FeatureDeclaration[K] }

/** The bare list of tables and columns that a user begins with. */
export function bareFeature(choice: FeatureChoice, tables: readonly RenderedTable[]): Declared {
  const moved = new Set(choice.tables.map((n) => at(tables, n)))
  const hosts = tables.filter((t) => !moved.has(t))
  const columns: Record<string, string[]> = {}
  for (const [table, column] of hosts.length > 0 ? choice.columns : []) {
    const host = at(hosts, table)
    // keys are seldom a feature's
    const own = column > 56 ? host.columns : host.columns.filter((c) => c.role !== 'key')
    const names = (columns[spell(host)] ??= [])
    const { name } = at(own, column)
    if (!names.includes(name)) names.push(name)
  }
  return { name: 'feature', tables: [...moved].map(spell), columns }
}

export const spell = (table: RenderedTable) => spellName(table.name, 'public')

/** What became of a removal: the declaration as it was in the end, or the last refusal. */
export type Attempt =
  | { readonly kind: 'removed'; readonly feature: FeatureDeclaration }
  | { readonly kind: 'refused'; readonly feature: FeatureDeclaration; readonly error: UnshipError }

/** Removes, merging what each refusal suggests into the declaration, as a user would. */
export async function removeAsTold(
  database: TestDatabase,
  bare: FeatureDeclaration,
  tables: readonly RenderedTable[],
): Promise<Attempt> {
  let feature: Declared = bare
  for (let attempt = 0; ; attempt++) {
    try {
      await removeFeature(database.db, feature)
      return { kind: 'removed', feature }
    } catch (error) {
      if (!isUnshipError(error)) throw error
      const next =
        error.code === 'fill_value_missing'
          ? filled(feature, tables)
          : error.suggestion && merge(feature, error.suggestion)
      if (attempt === 5 || !next) return { kind: 'refused', feature, error }
      feature = next
    }
  }
}

/** Gives a value to every removed column that has to have one and no default. */
function filled(feature: Declared, tables: readonly RenderedTable[]): Declared | undefined {
  if (feature.fill) return undefined
  const fill: Record<string, Record<string, string>> = {}
  for (const table of tables)
    for (const column of table.columns)
      if (column.notNull && column.role === 'value' && feature.columns?.[spell(table)]?.includes(column.name))
        (fill[spell(table)] ??= {})[column.name] = column.value(0)
  return { ...feature, fill }
}

function merge(feature: Declared, suggestion: Suggestion): Declared {
  return deepMerge(feature, suggestion) as Declared
}

function deepMerge(one: unknown, other: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(other)) return [...new Set([...(one as unknown[]), ...(other as unknown[])])]
  if (!isObject(one) || !isObject(other)) return other ?? one
  const merged: Record<string, unknown> = { ...one }
  for (const [key, value] of Object.entries(other)) merged[key] = key in one ? deepMerge(one[key], value) : value
  return merged
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
