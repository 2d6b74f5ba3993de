import { id, literal, qualified, type QualifiedName } from '../../src/sql.ts'
import { at } from './choice.ts'
import type { TableDescription, World } from './description.ts'
import { columnSetting, describeColumn, keyColumns, keyValues } from './columns.ts'
import { Names } from './names.ts'
import { renderPart } from './parts.ts'
import { insertRow } from './rows.ts'
import { INTEGER, TYPES, type ValueType } from './values.ts'

export interface RenderedColumn {
  readonly name: string
  readonly sql: string
  readonly type: ValueType
  /** Never given a value by us. */
  readonly automatic: boolean
  /** One of the key, or the reference of a foreign key. */
  readonly role: 'key' | 'value' | 'reference'
  notNull: boolean
  /** New rows get it at random. */
  readonly varies: boolean
  /** A literal that fits, with its cast. */
  readonly value: (choice: number) => string
}

export interface RenderedTable {
  readonly name: QualifiedName
  readonly sql: string
  readonly key: readonly RenderedColumn[]
  readonly columns: RenderedColumn[]
  readonly keyValues: (row: number) => string[]
  readonly scope: Names
  readonly settings: string[]
  readonly tree: TableDescription['tree']
  /** It has a foreign key that is NOT VALID: rows may be without a parent. */
  unvalidated: boolean
  readonly rows: TableDescription['rows']
}

/** What parts can be made of, and what was made so far. */
export class Rendering {
  readonly statements: string[] = []
  readonly tables: RenderedTable[] = []
  readonly schemas: { readonly name: string; readonly scope: Names }[] = []
  /** Tables and views, in the order made. */
  readonly relations: { readonly sql: string; readonly columns: readonly RenderedColumn[] }[] = []
  /** For COMMENT ON. */
  readonly commentable: string[] = []
  /** For GRANT ON. */
  readonly grantable: { readonly target: string; readonly privileges: string; readonly columns: readonly string[] }[] =
    []
  readonly #ownTypes = new Map<ValueType, ValueType>()

  /** Types that the schema makes itself are made when first used, in the last schema. */
  type(choice: number): ValueType {
    const type = TYPES[choice % TYPES.length] ?? INTEGER
    if (!type.create) return type
    const made = this.#ownTypes.get(type)
    if (made) return made
    const { name: schema, scope } = at(this.schemas, this.schemas.length - 1)
    const name = qualified({ schema, name: scope.next(choice) })
    this.statements.push(type.create(name))
    const used = { ...type, sql: `${name}${type.sql}` }
    this.#ownTypes.set(type, used)
    return used
  }
}

/** The SQL that makes a database, as its owner. */
export function render(world: World): Rendering {
  const r = new Rendering()
  r.schemas.push({ name: 'public', scope: new Names() })
  if (world.schemas > 1) {
    r.schemas.push({ name: 'odd Schema', scope: new Names() })
    r.statements.push(`create schema "odd Schema"`, `grant usage on schema "odd Schema" to crm_app`)
  }
  for (const table of world.tables) r.tables.push(describeTable(r, table))
  const references = renderReferences(r, world)
  for (const table of r.tables) createTable(r, table)
  const unique = world.parts.filter((p) => p.kind === 'index' || p.kind === 'unique' || p.kind === 'check')
  for (const part of unique) renderPart(r, part)
  for (const table of r.tables) insertRows(r, table)
  r.statements.push(...references)
  for (const part of world.parts) if (!unique.includes(part)) renderPart(r, part)
  for (const table of r.tables) r.statements.push(...table.settings)
  return r
}

function describeTable(r: Rendering, table: TableDescription): RenderedTable {
  const schema = at(r.schemas, table.schema)
  const name = { schema: schema.name, name: schema.scope.next(table.name) }
  const scope = new Names()
  const sql = qualified(name)
  const key = keyColumns(scope, table)
  const columns: RenderedColumn[] = [...key]
  const settings: string[] = []
  for (const column of table.columns) {
    const made = describeColumn(r, scope, column, columns)
    columns.push(made)
    settings.push(...columnSetting(sql, made, column))
  }
  settings.push(...tableSetting(sql, table.setting))
  return {
    name,
    sql,
    key,
    columns,
    scope,
    settings,
    rows: table.rows,
    tree: key.length > 0 ? table.tree : 'none',
    unvalidated: false,
    keyValues: (row) => keyValues(table, row),
  }
}

function tableSetting(table: string, setting: number): string[] {
  const alter = `alter table ${table}`
  switch (setting % 12) {
    case 6:
      return [`${alter} set (fillfactor = 70, autovacuum_enabled = false)`]
    case 7:
      return [`${alter} replica identity full`]
    case 8:
      return [`${alter} enable row level security`]
    case 9:
      return [`${alter} enable row level security`, `${alter} force row level security`]
    case 10:
      return [`alter table ${table} set (toast.autovacuum_enabled = off, parallel_workers = 2)`]
    default:
      return []
  }
}

const DEFERRABLE = ['', '', '', ' deferrable', ' deferrable initially deferred']

/** Adds the columns of foreign keys to their tables; returns what fills and constrains them. */
function renderReferences(r: Rendering, world: World): string[] {
  const statements: string[] = []
  for (const key of world.foreignKeys) {
    const from = at(r.tables, key.from)
    const targets = r.tables.filter((t) => t.key.length > 0)
    if (targets.length === 0) continue
    const to = at(targets, key.to)
    const certain = key.notNull && to.rows.length > 0 && to !== from
    const columns = to.key.map((target, i): RenderedColumn => {
      const name = from.scope.next(key.name + i)
      return {
        ...{ name, type: target.type, automatic: false, role: 'reference', notNull: certain, varies: false },
        sql: `${id(name)} ${target.type.sql}`,
        value: () => 'null',
      }
    })
    from.columns.push(...columns)
    if (key.notValid) from.unvalidated = true
    const list = (all: readonly RenderedColumn[]) => all.map((c) => id(c.name)).join(', ')
    const constraint = from.scope.next(key.name + 7)
    statements.push(
      `update ${from.sql} set (${list(columns)}) = (select ${list(to.key)} from ${to.sql} order by ${list(to.key)} offset ${String(key.name % 3)} % greatest(1, (select count(*) from ${to.sql})) limit 1)`,
      `alter table ${from.sql} add constraint ${id(constraint)} foreign key (${list(columns)}) references ${to.sql} (${list(to.key)})` +
        ` on delete ${key.onDelete} on update ${key.onUpdate}` +
        at(DEFERRABLE, key.deferrable) +
        (key.notValid ? ' not valid' : ''),
      ...(certain ? columns.map((c) => `alter table ${from.sql} alter column ${id(c.name)} set not null`) : []),
    )
    r.commentable.push(`constraint ${id(constraint)} on ${from.sql}`)
  }
  return statements
}

function createTable(r: Rendering, table: RenderedTable): void {
  const composite = table.key.length > 1 ? [`primary key (${table.key.map((c) => id(c.name)).join(', ')})`] : []
  const [first] = table.key
  const divided = first && table.tree !== 'none' && table.tree !== 'inherited'
  r.statements.push(
    `create table ${table.sql} (${[...table.columns.map((c) => c.sql), ...composite].join(', ')})` +
      (divided ? ` partition by ${table.tree} (${id(first.name)})` : ''),
    ...branches(r, table),
  )
  r.relations.push({ sql: table.sql, columns: table.columns })
  r.commentable.push(`table ${table.sql}`, ...table.columns.map((c) => `column ${table.sql}.${id(c.name)}`))
  r.grantable.push({
    target: `table ${table.sql}`,
    privileges: 'select, insert, update, delete, references, trigger, truncate',
    columns: table.columns.map((c) => c.name),
  })
}

/** Partitions or children; a table that is divided by list has a partition that is divided again. */
function branches(r: Rendering, table: RenderedTable): string[] {
  const scope = at(
    r.schemas.filter((s) => s.name === table.name.schema),
    0,
  ).scope
  const branch = (n: number) => qualified({ schema: table.name.schema, name: scope.next(n) })
  const [first] = table.key
  if (!first) return []
  const part = (whole: string, rest: string) => `create table ${branch(0)} partition of ${whole} ${rest}`
  switch (table.tree) {
    case 'hash':
      return [0, 1].map((n) => part(table.sql, `for values with (modulus 2, remainder ${String(n)})`))
    case 'list': {
      const divided = branch(3)
      return [
        part(table.sql, `for values in (${table.keyValues(1)[0] ?? 'null'})`),
        `create table ${divided} partition of ${table.sql} default partition by hash (${id(first.name)})`,
        ...[0, 1].map((n) => part(divided, `for values with (modulus 2, remainder ${String(n)})`)),
      ]
    }
    case 'inherited':
      return [`create table ${branch(2)} ("of its own" integer) inherits (${table.sql})`]
    default:
      return []
  }
}

function insertRows(r: Rendering, table: RenderedTable): void {
  table.rows.forEach((choices, row) => r.statements.push(insertRow(table, row, choices, table.columns)))
  for (const column of table.key)
    if (/serial|identity/.test(column.sql))
      r.statements.push(`select setval(pg_get_serial_sequence(${literal(table.sql)}, ${literal(column.name)}), 100)`)
}
