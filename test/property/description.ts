import fc from 'fast-check'

/*
 * A database and a feature as plain data. Numbers are choices out of what there is by
 * then, taken modulo its count: whatever is left out while a failure shrinks, the rest stays valid.
 */

export interface World {
  readonly schemas: number
  readonly tables: readonly TableDescription[]
  readonly foreignKeys: readonly ForeignKeyDescription[]
  readonly parts: readonly PartDescription[]
  readonly feature: FeatureChoice
  /** Default privileges give everything new to everybody. */
  readonly hostileDefaults: boolean
}

export const KEYS = [
  'identity',
  'serial',
  'integer',
  'uuid',
  'text',
  'composite',
  'unique',
  'identity always',
  'none',
] as const
/** What other tables there are below a table. */
export const TREES = ['none', 'none', 'none', 'none', 'none', 'none', 'none', 'hash', 'list', 'inherited'] as const
export const DEFAULTS = ['none', 'none', 'constant', 'volatile', 'now', 'sequence', 'function'] as const
export const COLUMN_KINDS = ['plain', 'plain', 'plain', 'plain', 'serial', 'identity', 'generated'] as const

export interface TableDescription {
  readonly name: number
  readonly schema: number
  readonly key: (typeof KEYS)[number]
  readonly keyName: number
  readonly tree: (typeof TREES)[number]
  readonly columns: readonly ColumnDescription[]
  readonly rows: readonly (readonly number[])[]
  readonly setting: number
}

export interface ColumnDescription {
  readonly name: number
  readonly kind: (typeof COLUMN_KINDS)[number]
  readonly type: number
  readonly default: (typeof DEFAULTS)[number]
  readonly value: number
  readonly notNull: boolean
  readonly check: boolean
  readonly setting: number
}

export const ACTIONS = ['no action', 'cascade', 'set null', 'restrict', 'set default'] as const

export interface ForeignKeyDescription {
  readonly from: number
  readonly to: number
  readonly name: number
  readonly onDelete: (typeof ACTIONS)[number]
  readonly onUpdate: (typeof ACTIONS)[number]
  readonly notNull: boolean
  readonly notValid: boolean
  readonly deferrable: number
}

export const PARTS = [
  'index',
  'check',
  'unique',
  'trigger',
  'policy',
  'view',
  'function',
  'statistics',
  'rule',
  'comment',
  'grant',
  'publication',
] as const

/** Anything that hangs on tables: `choices` are read by what renders the kind. */
export interface PartDescription {
  readonly kind: (typeof PARTS)[number]
  readonly table: number
  readonly name: number
  readonly choices: readonly number[]
}

export interface FeatureChoice {
  readonly tables: readonly number[]
  readonly columns: readonly (readonly [table: number, column: number])[]
}

/** What an application does while the feature is away. */
export interface LifeStep {
  readonly kind: 'insert' | 'delete' | 'update'
  readonly table: number
  readonly row: number
  readonly column: number
  readonly values: readonly number[]
}

const choice = fc.nat({ max: 59 })
const rarely = fc.integer({ min: 0, max: 7 }).map((n) => n === 7)
const sometimes = fc.integer({ min: 0, max: 2 }).map((n) => n === 2)
const pick = <const T extends readonly string[]>(values: T) => fc.constantFrom<T[number]>(...values)

const column: fc.Arbitrary<ColumnDescription> = fc.record({
  ...{ name: choice, kind: pick(COLUMN_KINDS), type: choice, default: pick(DEFAULTS), value: choice },
  ...{ notNull: sometimes, check: sometimes, setting: choice },
})

const table: fc.Arbitrary<TableDescription> = fc.record({
  ...{ name: choice, schema: choice, key: pick(KEYS), keyName: choice, tree: pick(TREES), setting: choice },
  columns: fc.array(column, { minLength: 1, maxLength: 6 }),
  rows: fc.array(fc.array(choice, { minLength: 6, maxLength: 6 }), { maxLength: 5 }),
})

const foreignKey: fc.Arbitrary<ForeignKeyDescription> = fc.record({
  ...{ from: choice, to: choice, name: choice, onDelete: pick(ACTIONS), onUpdate: pick(ACTIONS) },
  ...{ notNull: rarely, notValid: rarely, deferrable: fc.nat({ max: 4 }) },
})

const part: fc.Arbitrary<PartDescription> = fc.record({
  ...{ kind: pick(PARTS), table: choice, name: choice },
  choices: fc.array(choice, { minLength: 6, maxLength: 6 }),
})

export const world: fc.Arbitrary<World> = fc.record({
  schemas: fc.integer({ min: 1, max: 2 }),
  tables: fc.array(table, { minLength: 2, maxLength: 5 }),
  foreignKeys: fc.array(foreignKey, { maxLength: 5 }),
  parts: fc.array(part, { maxLength: 24, size: 'max' }),
  feature: fc.record({
    tables: fc.array(choice, { maxLength: 2 }),
    columns: fc.array(fc.tuple(choice, choice), { minLength: 1, maxLength: 5 }),
  }),
  hostileDefaults: fc.boolean(),
})

export const life: fc.Arbitrary<readonly LifeStep[]> = fc.array(
  fc.record({
    kind: pick(['insert', 'delete', 'update']),
    ...{ table: choice, row: choice, column: choice },
    values: fc.array(choice, { minLength: 6, maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 8 },
)
