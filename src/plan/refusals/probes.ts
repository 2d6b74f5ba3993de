import type { Column } from '../../catalog/column.ts'
import { addressKey } from '../../catalog/dependency.ts'
import { dollarQuote, id, literal, qualified } from '../../sql.ts'
import { holds } from '../data/backup.ts'
import { addedDefault, defaultOf } from '../objects/defaults.ts'
import { checkExpression, computedOtherwise, fillHazards, type FillHazard } from './fill-hazards.ts'
import {
  declaredFill,
  generatedColumns,
  givenByParent,
  identitySequence,
  notNullIn,
  planHost,
  storedColumns,
} from '../objects/host.ts'
import { shown, type Model } from '../model.ts'
import { hiddenView, isOurs, prebuiltViews } from '../objects/prebuilt.ts'
import { uniqueProbes } from './unique-probes.ts'

/** A question about values, which the catalog cannot answer and the server is asked before anything changes. */
export interface Probe {
  /** An expression: false, or an error, refuses the removal. */
  readonly sql: string
  readonly reason: string
  /** Statements that come before it, and are taken back. */
  readonly trial?: readonly string[]
  /** Asked after these, where `sql` holds: how what was tried would be read otherwise, in words; NULL where it would not. */
  readonly otherwise?: { readonly sql: string; readonly reason: string }
  /** An error says nothing. */
  readonly lenient?: boolean
  /** It evaluates expressions of the application's for its rows. */
  readonly asCaller?: boolean
  /** Policies may hide rows. */
  readonly rowSecurity?: boolean
}

/** What has to hold of rows that are inserted while the feature is away, and of what is built again. */
export function planProbes(model: Model): Probe[] {
  return [
    ...[...model.removed.keys()].flatMap((oid) => [
      ...defaultProbes(model, oid),
      ...domainProbes(model, oid),
      ...fillProbes(model, oid),
    ]),
    // of partitions too
    ...[...model.gone.keys()].flatMap((oid) => [
      ...checkProbes(model, oid),
      ...uniqueProbes(model, oid),
      ...pathProbes(model, oid),
      ...rowProbes(model, oid),
    ]),
    ...[...model.views].flatMap((oid) => queryProbes(model, oid)),
    ...nameProbes(model),
  ]
}

/** Names of ours that relations bear while they are hidden: some other relation may have one. */
const nameProbes = (model: Model): Probe[] =>
  [
    ...prebuiltViews(model).map(hiddenView),
    ...[...model.removed].flatMap(([oid, columns]) =>
      columns.filter((c) => c.attidentity !== '').map((c) => identitySequence(model.name(oid), c)),
    ),
  ].map((name) => ({
    sql: `pg_catalog.to_regclass(${literal(qualified(name))}) is null`,
    reason: `relation ${shown(name)} has a name that the restore needs for itself`,
  }))

/**
 * A materialized view is filled with row_security = off, an error where policies would hide rows, unless it belongs to another role:
 * then it holds what that role may see. Asked without reading any; what the owner may select from is looked up.
 */
function queryProbes(model: Model, oid: string): Probe[] {
  const view = model.relation(oid)
  const { relkind, relispopulated, viewdef } = view
  const ours = isOurs(model, view)
  // PostgreSQL fills it with the rights of its owner, whose functions a superuser does not run
  if (model.snapshot.environment.superuser && !ours) return []
  if (relkind !== 'm' || !relispopulated || viewdef === null) return []
  return [
    {
      // of a column that nobody asks for, PostgreSQL would leave out what it selects from
      sql: `(select pg_catalog.count(row(q.*)) >= 0 from (${viewdef.trim().replace(/;$/, '')}) as q where false)`,
      reason: `materialized view ${shown(model.name(oid))} cannot be filled again`,
      rowSecurity: !ours,
    },
  ]
}

/** A constant default is given to every row by ADD COLUMN, whereas before it may never have been used. */
const defaultProbes = (model: Model, oid: string): Probe[] =>
  (model.removed.get(oid) ?? [])
    .filter((c) => c.attgenerated === '' && c.default !== null && c.default_constant)
    .map((c) => ({
      // an explicit cast cuts off what is too long; ADD COLUMN assigns, and fails
      trial: [`do ${dollarQuote(`declare value ${c.type} := ${c.default ?? ''}; begin end`, 'default')}`],
      sql: `(select pg_catalog.count(cast(${c.default ?? ''} as ${c.type})) >= ${notNullIn(model, oid, c).length > 0 ? '1' : '0'})`,
      reason: `the default of column ${shown(model.name(oid))}.${c.attname} is none that the column takes`,
    }))

/** A column of a domain that takes no NULL cannot be added to a table with rows, unless something else is given; nothing is drawn for it. */
const domainProbes = (model: Model, oid: string): Probe[] =>
  (model.removed.get(oid) ?? [])
    .filter((c) => c.constrained_domain && c.attgenerated === '' && (c.default === null || addedDefault(c) === 'null'))
    .map((c) => ({
      sql: `(select pg_catalog.count(cast(${addedDefault(c) ?? 'null'} as ${c.type})) >= 0)`,
      reason: c.default_draws
        ? `the default of column ${shown(model.name(oid))}.${c.attname} would draw for each row that is there, and its domain takes no NULL instead (a constant default of the column's own would do)`
        : `column ${shown(model.name(oid))}.${c.attname} has no default, and its domain takes no NULL`,
    }))

function fillProbes(model: Model, oid: string): Probe[] {
  const table = model.name(oid)
  const kept = model.columns(oid).filter((c) => !model.isRemoved(oid, c.attnum))
  // not from the table itself, which someone may have locked
  const rows = `(select ${kept.map((c) => `cast(null as ${c.type}) as ${id(c.attname)}`).join(', ')} where false) as ${id(table.name)}`
  return (model.removed.get(oid) ?? []).flatMap((c) => {
    const fill = declaredFill(model, table, c)
    if (fill === null || c.attgenerated !== '') return []
    return [
      {
        sql: `(select pg_catalog.count(cast((${fill}) as ${c.type})) >= 0 from ${rows})`,
        reason: `fill of column ${shown(table)}.${c.attname} is not an expression over the columns of ${shown(table)} that stay`,
      },
    ]
  })
}

/**
 * Indexes are built, and checks validated, with an empty search_path, on which a
 * function may not find what it calls: tried on one row.
 */
function pathProbes(model: Model, oid: string): Probe[] {
  const table = model.name(oid)
  const probe = (what: string, expressions: readonly (string | null)[]): Probe[] => {
    const list = expressions.filter((e) => e !== null)
    if (list.length === 0) return []
    return [
      {
        sql: `(select pg_catalog.count(row(${list.join(', ')})) >= 0 from (select * from ${model.relation(oid).relkind === 'p' ? '' : 'only '}${qualified(table)} limit 1) as ${id(table.name)})`,
        reason: `${what} of ${shown(table)} cannot be evaluated with an empty search_path`,
      },
    ]
  }
  const goes = (catalog: string, objid: string) => model.nodes.has(addressKey({ catalog, objid, objsubid: 0 }))
  return [
    ...model.snapshot.indexes
      .filter((i) => i.indrelid === oid && goes('pg_class', i.indexrelid))
      .flatMap((i) => probe(`index ${i.relname}`, [i.expression_list, i.predicate])),
    ...model.snapshot.constraints
      .filter(
        (k) => k.conrelid === oid && k.contype === 'c' && k.convalidated && k.enforced && goes('pg_constraint', k.oid),
      )
      .flatMap((k) => probe(`check ${k.conname}`, [checkExpression(k)])),
    ...generatedColumns(model, oid).flatMap((c) => probe(`generated column ${c.attname}`, [c.default])),
  ]
}

/** What the rows hold would not come back, or could not: each a pass over the table, where there is such a thing at all. */
function rowProbes(model: Model, oid: string): Probe[] {
  const { snapshot } = model
  if (model.relation(oid).relkind === 'p') return []
  const table = model.name(oid)
  const own = id(table.name)
  const stays = (catalog: string, objid: string) => !model.nodes.has(addressKey({ catalog, objid, objsubid: 0 }))
  const root = model.rootOf(oid) ?? oid
  const hazards = fillHazards({
    columns: model.columns(oid).filter((c) => !model.isRemoved(oid, c.attnum)),
    constraints: snapshot.constraints.filter((k) => k.conrelid === oid && stays('pg_constraint', k.oid)),
    triggers: snapshot.triggers.filter((t) => t.tgrelid === oid && stays('pg_trigger', t.oid)),
  })
  const filled = storedColumns(model, root).length > 0 ? holds(planHost(model, root), own) : 'false'
  const probe = (what: FillHazard, rows: string): Probe => ({
    sql: `not exists (select from only ${qualified(table)} as ${own} where ${rows} and ${what.sql})`,
    reason: what.reason.replace('%', shown(table)),
    asCaller: true,
  })
  return [
    // that it finds what it calls, and may be asked, is looked at elsewhere
    ...hazards.map((hazard) => ({ ...probe(hazard, filled), lenient: true })),
    ...generatedColumns(model, oid)
      .filter((c) => c.attgenerated === 's')
      .map((c) => ({ ...probe(computedOtherwise(c), 'true'), lenient: true })),
  ]
}

/** Checks over removed columns alone are tried on the row that a new row's columns would make. */
function checkProbes(model: Model, oid: string): Probe[] {
  const columns = model.gone.get(oid) ?? []
  const root = model.rootOf(oid)
  return model.snapshot.constraints.flatMap((k) => {
    // a copy is tried where it comes from
    if (root !== null && k.inherited) return []
    if (k.contype !== 'c' || k.conrelid !== oid || !k.enforced || !k.conkey?.length) return []
    const over = k.conkey.map((n) => columns.find((c) => c.attnum === n))
    const expression = checkExpression(k)
    if (
      expression === null ||
      !over.every((c) => c !== undefined && isForeseen(model, root ?? oid, givenByParent(model, root, c)))
    )
      return []
    const row = (over as Column[])
      .map((c) => `cast(${defaultOf(givenByParent(model, root, c)) ?? 'null'} as ${c.type}) as ${id(c.attname)}`)
      .join(', ')
    return [
      {
        sql: `(select (${expression}) is not false from (select ${row}) as ${id(model.name(oid).name)})`,
        reason: `rows inserted meanwhile could not satisfy check ${k.conname} of ${shown(model.name(oid))}`,
      },
    ]
  })
}

/** What a new row will hold can be told: not the next number of a sequence, which would be drawn, nor what is computed from other columns. */
const isForeseen = (model: Model, oid: string, c: Column): boolean =>
  c.attgenerated === '' && c.attidentity === '' && !c.default_draws && declaredFill(model, model.name(oid), c) === null
