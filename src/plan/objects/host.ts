import type { Column } from '../../catalog/column.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { replayable } from '../../catalog/replay.ts'
import { sequenceOptions, type Sequence } from '../../catalog/sequence.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { columnBackupName, hiddenName, shortened, watchName } from '../../names.ts'
import { dollarQuote, id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { grants, revokeFromOthers, setAcl } from './acl.ts'
import { addedDefault, defaultOf, settledDefault } from './defaults.ts'
import { BUILT_IN_EQUALITY, usableKey } from '../refusals/key.ts'
import type { Model } from '../model.ts'
import { foreignKeysOf } from './moved.ts'
import { demandedKeys, hostChecks } from '../data/host-demands.ts'
import { columnSettings, relationAcl } from './objects.ts'
import type { HostPlan, PlannedColumn } from '../plan.ts'
import { serving } from '../data/unserved.ts'
import { whileThere } from '../tree.ts'

/** Removed columns that hold data of their own; generated ones are computed again. */
export const storedColumns = (model: Model, oid: Oid) =>
  (model.gone.get(oid) ?? []).filter((c) => c.attgenerated === '')
export const generatedColumns = (model: Model, oid: Oid) =>
  (model.gone.get(oid) ?? []).filter((c) => c.attgenerated !== '')

/** Where a column is NOT NULL: its table, or else those of its partitions that alone demand it. */
export function notNullIn(model: Model, oid: Oid, column: Column): string[] {
  if (column.attnotnull) return [model.spell(model.name(oid))]
  return model
    .members(oid)
    .filter(({ relid }) => model.gone.get(relid)?.some((c) => c.attname === column.attname && c.attnotnull))
    .map(({ relid }) => model.spell(model.name(relid)))
}

/** The backup of its removed columns. */
export function columnBackupFor(model: Model, oid: Oid): QualifiedName {
  const { schema, name } = model.name(oid)
  return { schema, name: columnBackupName(model.feature.name, name) }
}

/** How a host table's columns are watched, copied and filled. */
export function planHost(model: Model, oid: Oid): HostPlan {
  const table = model.name(oid)
  const { columns: key, equalities } = usableKey(model, oid) ?? { columns: [], equalities: [] }
  const stored = storedColumns(model, oid)
  const columns = stored.map((column) => planColumn(model, table, column))
  const watch = watchName(model.feature.name, table)
  return {
    table,
    backup: columnBackupFor(model, oid),
    ...(model.relation(oid).relkind === 'p' && { members: model.members(oid).map((m) => model.name(m.relid)) }),
    key: key.map((c) => c.attname),
    ...(equalities.some((o) => o !== BUILT_IN_EQUALITY) && { equalities }),
    keyMayChange: !key.every((c) => c.attidentity === 'a' || c.type === 'uuid'),
    columns,
    foreignKeys: foreignKeysOf(model, oid)
      .filter((k) => mayBeEmpty(k.columns, stored))
      .map((k) => ({ ...k, onDelete: 'set null', setColumns: [] })),
    checks: hostChecks(model, oid),
    demandedKeys: demandedKeys(model, oid).filter((k) => !mayBeEmpty(k.columns, stored)),
    ...([oid, ...model.members(oid).map((m) => m.relid)].some((of) => model.relation(of).relrowsecurity) && {
      rowSecurity: true,
    }),
    everyRow: columns.some((c) => c.filler !== null) || stored.some((c) => c.constrained_domain),
    watch: {
      log: { schema: LEDGER_SCHEMA, name: watch },
      routine: { schema: LEDGER_SCHEMA, name: watch },
      trigger: shortened(`unship_${model.feature.name}`),
    },
  }
}

/** A reference by removed columns alone can be left empty, unless they are NOT NULL. */
const mayBeEmpty = (columns: readonly string[], stored: readonly Column[]) =>
  columns.every((name) => stored.some((c) => c.attname === name && !c.attnotnull))

function planColumn(model: Model, table: HostPlan['table'], column: Column): PlannedColumn {
  const constant = column.default !== null && column.default_constant
  const added = addedDefault(column)
  return {
    name: column.attname,
    hidden: hiddenName(column.attname),
    type: column.type,
    blank: `cast(${constant ? column.default : 'null'} as ${column.type})`,
    filler: filler(model, table, column),
    ...(column.type_storage !== 'plain' && { toasted: true }),
    ...(!constant && added !== null && { added }),
  }
}

/** The expression that new rows are given: a default that varies, the next identity, a declared value. */
function filler(model: Model, table: HostPlan['table'], column: Column): string | null {
  if (column.attidentity !== '') return `nextval(${literal(qualified(identitySequence(table, column)))})`
  const given = defaultOf(column)
  if (given === null) return declaredFill(model, table, column)
  return column.default !== null && column.default_constant ? null : replayable(given)
}

/** What the declaration gives to rows inserted meanwhile; it may speak of the row's other columns. */
export const declaredFill = (model: Model, table: HostPlan['table'], column: Column): string | null =>
  defaultOf(column) === null && column.attidentity === ''
    ? (model.perTable(model.feature.fill, table)?.[column.attname] ?? null)
    : null

/** A row that comes to a partition by way of its parent is given the parent's defaults. */
export const givenByParent = (model: Model, root: Oid | null, column: Column): Column =>
  (root === null ? undefined : model.removed.get(root)?.find((c) => c.attname === column.attname)) ?? column

/** What a trigger gives to rows while the column is hidden: what the declaration says, or the next number of an identity. */
const triggered = (model: Model, table: HostPlan['table'], column: Column): string | null =>
  column.attidentity === '' ? declaredFill(model, table, column) : filler(model, table, column)

/**
 * Gives rows that are inserted while the column is hidden their values: a default could not speak of the row's other columns,
 * nor draw from a sequence without giving all who may insert, by whatever way and from whenever on, a right to exhaust it. Fires
 * after other BEFORE triggers.
 */
function fillTrigger(model: Model, table: HostPlan['table'], column: Column, expression: string) {
  const name = shortened(`fill_${model.feature.name}_${table.schema}_${table.name}_${column.attname}`)
  const routine = qualified({ schema: LEDGER_SCHEMA, name })
  const trigger = id(shortened(`~unship_${name}`))
  const on = qualified(table)
  const hidden = `new.${id(hiddenName(column.attname))}`
  const body = `
#variable_conflict use_column
begin${serving(
    model.feature.name,
    `    ${hidden} := coalesce(${hidden}, (select cast((${expression}) as ${column.type}) from (select new.*) as ${id(table.name)}));`,
  )}
end`
  return {
    create: [
      `create function ${routine}() returns trigger language plpgsql security definer set search_path = '' as ${dollarQuote(body, 'fill')}`,
      revokeFromOthers({
        ...{ object: `function ${routine}()`, catalog: 'pg_proc', aclColumn: 'proacl', owner: '' },
        oid: `${literal(`${routine}()`)}::pg_catalog.regprocedure::pg_catalog.oid`,
        publicDefault: 'execute',
      }),
      `create trigger ${trigger} before insert on ${on} for each row execute function ${routine}()`,
      `alter table ${on} enable always trigger ${trigger}`,
    ],
    drop: [`drop trigger if exists ${trigger} on ${on}`, `drop function if exists ${routine}()`],
  }
}

/** Takes what serves hidden columns of a table away: after the reveal, or when the restore is taken back. */
export const dropFillTriggers = (model: Model, oid: Oid): string[] =>
  storedColumns(model, oid).flatMap((column) => {
    const fill = triggered(model, model.name(oid), column)
    return fill === null ? [] : fillTrigger(model, model.name(oid), column, fill).drop
  })

/** Stands in for an identity column's sequence while the column is hidden. */
export const identitySequence = (table: HostPlan['table'], column: Column) => ({
  schema: table.schema,
  name: hiddenName(`${table.name}_${column.attname}_seq`),
})

export const notNullCheck = (column: Column) => id(hiddenName(`${column.attname}_not_null`))

/** The parts of a column's restore, by phase. */
export interface ColumnStatements {
  readonly add: string[]
  /** After filling, with a lock of milliseconds each. */
  readonly locked: string[]
  /** After filling, holding nobody up. */
  readonly online: string[]
  readonly reveal: string[]
  /** Captured in the cut-over: an expression giving a statement for `add`. */
  readonly captured: string[]
}

export function columnStatements(model: Model, oid: Oid, column: Column): ColumnStatements {
  const relation = model.relation(oid)
  const name = model.name(oid)
  const table = qualified(name)
  const hidden = id(hiddenName(column.attname))
  const original = id(column.attname)
  const { major } = model.snapshot.environment
  const constant = column.default !== null && column.default_constant
  const statements: ColumnStatements = { add: [], locked: [], online: [], reveal: [], captured: [] }
  const { add, locked, online, reveal, captured } = statements

  const partitioned = relation.relkind === 'p'
  // a partition takes compression from ADD COLUMN alone
  const compression = partitioned && column.compression !== null ? ` compression ${column.compression}` : ''
  const collation = column.collation ? ` collate ${column.collation}` : ''
  const named = column.not_null_name ? ` constraint ${id(column.not_null_name)}` : ''
  const heirless = column.not_null_no_inherit ? ' no inherit' : ''
  // rows that a constraint which is not valid lets stand are filled before it comes back
  const notNullNow = column.attnotnull && constant && column.not_null_validated ? `${named} not null${heirless}` : ''
  const added = addedDefault(column)
  const given = added === null ? '' : ` default ${added}`
  add.push(`alter table ${table} add column ${hidden} ${column.type}${compression}${collation}${notNullNow}${given}`)
  const settled = settledDefault(column, added)
  if (settled !== null) add.push(`alter table ${table} alter column ${hidden} ${settled}`)
  if (column.attidentity !== '') {
    const sequence = model.snapshot.sequences.find(
      (s) => s.owner_kind === 'i' && s.owner_relid === oid && s.owner_attnum === column.attnum,
    )
    if (!sequence) throw new Error(`identity column ${table}.${original} has no sequence`)
    const own = qualified(model.name(sequence.seqrelid))
    const stand = qualified(identitySequence(name, column))
    add.push(
      `create sequence ${stand} as ${sequence.type} ${sequenceOptions(sequence)}`,
      revokeFromOthers({
        ...{ object: `sequence ${stand}`, catalog: 'pg_class', aclColumn: 'relacl', owner: '', publicDefault: null },
        oid: `${literal(stand)}::pg_catalog.regclass::pg_catalog.oid`,
      }),
    )
    captured.push(
      `pg_catalog.format('select pg_catalog.setval(%L, %s, %L)', ${literal(stand)}, (select last_value from ${own}), (select is_called from ${own}))`,
    )
    reveal.push(
      ...madeNotNull(table, original, column, major),
      ...identity(`alter table ${table} alter column ${original}`, column, own, sequence),
      // it is given its table's
      ...(model.relation(sequence.seqrelid).relpersistence === relation.relpersistence
        ? []
        : onlyFrom15(major, `alter sequence ${own} set ${relation.relpersistence === 'u' ? 'logged' : 'unlogged'}`)),
      `select pg_catalog.setval(${literal(own)}, last_value, is_called) from ${stand}`,
      `drop sequence ${stand}`,
      ...sequenceExtras(model, sequence.seqrelid),
    )
  }
  const expression = triggered(model, name, column)
  if (expression !== null) add.push(...fillTrigger(model, name, column, expression).create)
  add.push(...settings(model, oid, hidden, column))
  if (column.description !== null) add.push(`comment on column ${table}.${hidden} is ${literal(column.description)}`)

  if (column.attnotnull && notNullNow === '') {
    if (major >= 18) {
      locked.push(
        `alter table ${table} add constraint ${id(column.not_null_name ?? '')} not null ${hidden}${heirless} not valid`,
      )
      if (column.not_null_validated)
        online.push(`alter table ${table} validate constraint ${id(column.not_null_name ?? '')}`)
    } else {
      // of a row type, (1, null) is neither null nor not null; what SET NOT NULL asks is this
      locked.push(
        `alter table ${table} add constraint ${notNullCheck(column)} check (${hidden} is distinct from null) not valid`,
      )
      online.push(`alter table ${table} validate constraint ${notNullCheck(column)}`)
    }
    if (column.attidentity === '') reveal.push(...madeNotNull(table, original, column, major))
  }
  reveal.push(...notNullComment(table, column))
  reveal.unshift(
    ...(expression === null ? [] : fillTrigger(model, name, column, expression).drop),
    `alter table ${table} rename column ${hidden} to ${original}`,
  )
  reveal.push(...grants(`table ${table}`, column.attacl ?? [], relation.owner, ` (${original})`))
  return statements
}

/** Before PostgreSQL 15 each sequence is logged, and none can be set to be: the restore may run on a newer server. */
const onlyFrom15 = (major: number, statement: string): string[] =>
  major >= 15
    ? [statement]
    : whileThere(`select where pg_catalog.current_setting('server_version_num')::int >= 150000`, [statement])

/** The sequence is made with the column's type, which its limits may not fit. */
function identity(alter: string, column: Column, own: string, sequence: Sequence): string[] {
  const add = `${alter} add generated ${column.attidentity === 'a' ? 'always' : 'by default'} as identity`
  const options = sequenceOptions(sequence)
  return sequence.type === column.type
    ? [`${add} (sequence name ${own} ${options})`]
    : [`${add} (sequence name ${own})`, `alter sequence ${own} as ${sequence.type} ${options} restart`]
}

/** Storage is one that partitions take over; statistics targets are each table's own. */
function settings(model: Model, oid: Oid, name: string, column: Column): string[] {
  const table = qualified(model.name(oid))
  if (model.relation(oid).relkind !== 'p') return columnSettings(`alter table ${table}`, name, column)
  return [
    ...columnSettings(`alter table ${table}`, name, {
      ...column,
      compression: null,
      attstattarget: -1,
      attoptions: null,
    }),
    ...columnSettings(`alter table only ${table}`, name, { ...column, compression: null, storage: null }),
  ]
}

const notNullComment = (table: string, c: Column): string[] =>
  c.not_null_description === null
    ? []
    : [`comment on constraint ${id(c.not_null_name ?? '')} on ${table} is ${literal(c.not_null_description)}`]

/** NOT NULL without a scan: a validated check stands for it, and goes. */
export const madeNotNull = (table: string, column: string, c: Column, major: number): string[] =>
  major >= 18
    ? []
    : [
        `alter table ${table} alter column ${column} set not null`,
        `alter table ${table} drop constraint ${notNullCheck(c)}`,
      ]

function sequenceExtras(model: Model, oid: Oid): string[] {
  const sequence = model.relation(oid)
  const name = qualified(model.name(oid))
  return [
    ...setAcl(relationAcl(sequence), sequence.relacl),
    ...(sequence.description === null ? [] : [`comment on sequence ${name} is ${literal(sequence.description)}`]),
  ]
}

/** The type of a generated column, and how it is generated. */
export function generation(column: Column): { readonly type: string; readonly clause: string } {
  const kind = column.attgenerated === 's' ? 'stored' : 'virtual'
  return {
    type: column.collation ? `${column.type} collate ${column.collation}` : column.type,
    clause: `generated always as (${replayable(column.default ?? '')}) ${kind}`,
  }
}

/** A generated column is added when its sources have their names again; a stored one rewrites the table. */
export function generatedColumn(model: Model, oid: Oid, column: Column): string[] {
  const relation = model.relation(oid)
  const table = qualified(model.name(oid))
  const name = id(column.attname)
  const { type, clause } = generation(column)
  const notNull = column.attnotnull
    ? `${column.not_null_name ? ` constraint ${id(column.not_null_name)}` : ''} not null${column.not_null_no_inherit ? ' no inherit' : ''}`
    : ''
  return [
    `alter table ${table} add column ${name} ${type}${notNull} ${clause}`,
    ...settings(model, oid, name, column),
    ...notNullComment(table, column),
    ...(column.description === null ? [] : [`comment on column ${table}.${name} is ${literal(column.description)}`]),
    ...grants(`table ${table}`, column.attacl ?? [], relation.owner, ` (${name})`),
  ]
}
