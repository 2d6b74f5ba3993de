import type { Column } from '../../catalog/column.ts'
import { NOTHING_CHANGED, UnshipError, type Suggestion } from '../../errors.ts'
import { refuseTogether } from '../../refusals.ts'
import { refuseCounts } from '../data/counts.ts'
import { defaultOf } from '../objects/defaults.ts'
import { isChild, isTemporary, type Dependents } from '../dependents.ts'
import { textHint } from './early-reasons.ts'
import { keptTextHint } from './kept-texts.ts'
import { declaredFill, generatedColumns, notNullIn, storedColumns } from '../objects/host.ts'
import { isExclusion } from '../objects/constraints.ts'
import { keptTriggers } from './kept-triggers.ts'
import { keysThatGo, usableKey } from './key.ts'
import { refuseLockTable } from '../review/lock-table.ts'
import { shown, type Model } from '../model.ts'
import { namingHint } from './namings.ts'
import { isWide, WIDE_HINT } from './published-reasons.ts'
import { reasonsAgainst } from './reasons.ts'
import { refuseOwnership, refuseRights, refuseRowSecurity } from './rights.ts'
import { refuseTakenNames } from './taken-names.ts'
import { refuseUnfinished } from './unfinished.ts'

/**
 * Refuses what could not be restored exactly, before anything changes; each
 * refusal lists all that it has found.
 */
export function checkRestorable(model: Model, found: Dependents): void {
  refuseUnfinished(model)
  refuseUndeclared(model, found)
  refuseTogether([
    () => {
      refuseUnrestorable(model, found)
    },
    () => {
      // what an owner lacks follows from not being it
      refuseOwnership(model)
      refuseRights(model)
    },
    ...[
      refuseCounts,
      refuseRowSecurity,
      refuseKeys,
      refuseFillers,
      refuseRewrites,
      refuseTakenNames,
      refuseLockTable,
    ].map((check) => () => {
      check(model)
    }),
  ])
}

function refuseUndeclared(model: Model, { undeclared, suggestion, refused }: Dependents): void {
  const triggers = keptTriggers(model)
  if (undeclared.length === 0 && triggers.length === 0) return
  const complete: Suggestion = structuredClone(suggestion)
  for (const { table, name } of triggers) {
    const tables = (complete.triggers ??= {})
    const names = (tables[table] ??= [])
    if (!names.includes(name)) names.push(name)
  }
  const detail = [
    ...undeclared.map((node) => `${node.description} ${isChild(model, node) ? 'inherits from it' : 'depends on it'}.`),
    ...triggers.map(
      (t) => `trigger ${t.name} on ${t.table} would fail: function ${t.function} mentions ${t.mentions.join(', ')}.`,
    ),
    ...refused.map((reason) => `${reason}.`),
  ]
  throw new UnshipError({
    code: undeclared.length > 0 ? 'undeclared_dependents' : 'kept_trigger',
    message:
      undeclared.length > 0
        ? `cannot remove feature ${model.feature.name} because other objects depend on it`
        : `cannot remove feature ${model.feature.name} because a trigger that stays would fail without it`,
    detail: detail.join('\n'),
    hint: [
      ...(undeclared.some((node) => isTemporary(model, node))
        ? ['A temporary view goes when its session ends: wait for that, or end it.']
        : []),
      ...(triggers.length > 0
        ? ['A trigger that works without the feature can be named under acknowledge.triggers.']
        : []),
      ...(Object.keys(complete).length > 0
        ? [`If they belong to the feature, add to its declaration:\n${JSON.stringify(complete, null, 2)}`]
        : []),
    ].join(' '),
    suggestion: complete,
  })
}

function refuseUnrestorable(model: Model, { refused }: Dependents): void {
  const reasons = [...refused, ...reasonsAgainst(model)]
  if (reasons.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${model.feature.name} cannot be restored exactly, so it is not removed`,
    detail: [...new Set(reasons)].map((r) => `${r}.`).join('\n'),
    hint: [
      NOTHING_CHANGED,
      ...(reasons.some(isWide) ? [WIDE_HINT] : []),
      ...textHint(reasons),
      ...namingHint(reasons),
      ...keptTextHint(reasons),
    ].join('\n'),
  })
}

function refuseKeys(model: Model): void {
  const without = [...model.removed.keys()].filter(
    (oid) => storedColumns(model, oid).length > 0 && !usableKey(model, oid),
  )
  if (without.length === 0) return
  throw new UnshipError({
    code: 'no_usable_key',
    message: `table ${without.map((oid) => shown(model.name(oid))).join(', ')} has no key to find its rows again`,
    detail: [
      'A backup of columns needs a primary key, or a unique, immediate, complete index over NOT NULL columns, which stays and compares them as their types do.',
      ...without.flatMap((oid) =>
        keysThatGo(model, oid).map((i) => `Key ${i.relname} of ${shown(model.name(oid))} goes with the feature.`),
      ),
    ].join('\n'),
    hint: 'Add a primary key to the table, or a unique one over NOT NULL columns that is no part of the feature.',
  })
}

function refuseFillers(model: Model): void {
  const lacking = [...model.removed.keys()].flatMap((oid) =>
    storedColumns(model, oid)
      .filter((c) => isLeftNull(model, oid, c))
      .flatMap((c) => {
        const { attname: column } = c
        const table = model.spell(model.name(oid))
        return [
          ...notNullIn(model, oid, c).map((of) => ({
            ...{ table, column, demand: 'NOT NULL' },
            why: `Column ${of}.${column} is NOT NULL and has no default.`,
          })),
          ...halfKeys(model, oid, c).map(({ key, other }) => ({
            ...{ table, column, demand: `foreign key ${key}` },
            why: `Column ${table}.${column} has no default, and foreign key ${key} is MATCH FULL: ${other} is never NULL.`,
          })),
        ]
      }),
  )
  if (lacking.length === 0) return
  const fill: Record<string, Record<string, string>> = {}
  for (const { table, column } of lacking) (fill[table] ??= {})[column] = '<SQL expression>'
  throw new UnshipError({
    code: 'fill_value_missing',
    message: `rows inserted while the feature is away could not satisfy ${[...new Set(lacking.map((l) => l.demand))].join(', ')}`,
    detail: lacking.map((l) => l.why).join('\n'),
    hint: `Declare what such rows are given on restore:\n${JSON.stringify({ fill }, null, 2)}`,
  })
}

/** Nothing gives a value to rows that are inserted while the column is away. */
const isLeftNull = (model: Model, oid: string, c: Column): boolean =>
  defaultOf(c) === null && c.attidentity === '' && declaredFill(model, model.name(oid), c) === null

/** MATCH FULL takes all columns NULL or none: keys of which another column always has a value. */
function halfKeys(model: Model, oid: string, column: Column): { readonly key: string; readonly other: string }[] {
  const hasValue = (c: Column) =>
    model.isRemoved(oid, c.attnum) ? c.attgenerated === '' && !isLeftNull(model, oid, c) : c.attnotnull
  return model.snapshot.constraints
    .filter((k) => k.conrelid === oid && k.match_full && k.parent === null && k.convalidated && k.enforced)
    .filter((k) => k.columns.includes(column.attname))
    .flatMap((k) => {
      const other = model.columns(oid).find((c) => k.columns.includes(c.attname) && hasValue(c))
      return other ? [{ key: k.conname, other: other.attname }] : []
    })
}

/** What comes back only by rewriting or scanning its table under lock has to be acknowledged. */
function refuseRewrites(model: Model): void {
  const rewrites: Record<string, string[]> = {}
  const detail: string[] = []
  const demand = (oid: string, name: string, why: string) => {
    const table = model.spell(model.name(oid))
    if (model.perTable(model.feature.acknowledge?.rewrites, model.name(oid))?.includes(name)) return
    ;(rewrites[table] ??= []).push(name)
    detail.push(`${table}.${name}: ${why}.`)
  }
  for (const oid of model.removed.keys()) {
    for (const c of generatedColumns(model, oid))
      if (c.attgenerated === 's') demand(oid, c.attname, 'a stored generated column rewrites the table')
    for (const c of storedColumns(model, oid))
      if (c.constrained_domain) demand(oid, c.attname, 'a constrained domain rewrites the table')
  }
  for (const k of model.snapshot.constraints)
    if (isExclusion(model, k) && model.isHost(k.conrelid) && model.nodes.has(`pg_constraint:${k.oid}:0`))
      demand(k.conrelid, k.conname, 'an exclusion constraint builds its index under lock')
  if (detail.length === 0) return
  const suggestion: Suggestion = { acknowledge: { rewrites } }
  throw new UnshipError({
    code: 'rewrite_not_acknowledged',
    message: `restoring feature ${model.feature.name} would hold a lock for as long as its tables are large`,
    detail: detail.join('\n'),
    hint: `If that is acceptable, add to the declaration:\n${JSON.stringify(suggestion, null, 2)}`,
    suggestion,
  })
}
