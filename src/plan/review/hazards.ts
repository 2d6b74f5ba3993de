import { movingColumns } from '../refusals/column-order.ts'
import { shown, type Model } from '../model.ts'
import type { RemovalPlan } from '../plan.ts'
import { isPrebuilt } from '../objects/prebuilt.ts'

/** What a reviewer should know before agreeing: nothing that would be refused is among it. */
export interface Hazard {
  readonly code:
    | 'locks held now'
    | 'triggers'
    | 'kept trigger'
    | 'event trigger'
    | 'rewrite'
    | 'replication'
    | 'cached plans'
    | 'column order'
    | 'column numbers'
    | 'materialized view'
    | 'warning'
  readonly severity: 'note' | 'warning'
  readonly relation: string | null
  readonly message: string
}

/** What the catalogs beside the snapshot say. */
export interface Surroundings {
  readonly logicalSlots: number
  readonly standbys: number
  /** Sessions that hold locks on the relations concerned. */
  readonly blockers: readonly {
    readonly relation: string | null
    readonly ageMs: number | null
    readonly who: string
  }[]
}

/** A session that has held its locks for so long is in the way. */
const LONG_MS = 1_000

export function hazards(model: Model, plan: RemovalPlan, surroundings: Surroundings): Hazard[] {
  return [
    ...blocked(surroundings),
    ...plan.warnings.map((message): Hazard => ({ code: 'warning', severity: 'warning', relation: null, message })),
    ...acknowledged(model),
    ...rewrites(plan),
    ...firing(model),
    ...cachedPlans(model),
    ...[...model.removed.keys()].flatMap((oid) => host(model, oid)),
    ...materializedViews(model),
    ...replication(surroundings),
  ]
}

const blocked = ({ blockers }: Surroundings): Hazard[] =>
  blockers
    .filter((b) => (b.ageMs ?? 0) >= LONG_MS)
    .map((b) => ({
      code: 'locks held now',
      severity: 'warning',
      relation: b.relation,
      message: `${b.who}: the removal would wait for it, in attempts of up to 50 ms`,
    }))

function acknowledged(model: Model): Hazard[] {
  const { acknowledge } = model.feature
  return [
    ...Object.entries(acknowledge?.triggers ?? {}).flatMap(([table, triggers]) =>
      (triggers ?? []).map((trigger): Hazard => ({
        code: 'kept trigger',
        severity: 'warning',
        relation: table,
        message: `trigger ${trigger} of ${table} stays although it mentions what goes (acknowledged): writes fail if it really needs it`,
      })),
    ),
    ...(acknowledge?.eventTriggers ?? []).map((name): Hazard => ({
      code: 'event trigger',
      severity: 'warning',
      relation: null,
      message: `event trigger ${name} fires on the DDL of removal and restore (acknowledged)`,
    })),
  ]
}

const rewrites = ({ rewrites: { add, reveal } }: RemovalPlan): Hazard[] =>
  add || reveal
    ? [
        {
          code: 'rewrite',
          severity: 'warning',
          relation: null,
          message: `the restore rewrites or scans tables under ACCESS EXCLUSIVE in ${[add && 'add', reveal && 'reveal'].filter(Boolean).join(' and ')} (acknowledged): others wait for as long as that takes`,
        },
      ]
    : []

function firing(model: Model): Hazard[] {
  const names = model.snapshot.triggers
    .filter((t) => model.isHost(t.tgrelid) && t.any_update && t.tgenabled !== 'D')
    .map((t) => `${t.tgname} of ${shown(model.name(t.tgrelid))}`)
  if (names.length === 0) return []
  const message = `the removal updates no row, so no trigger fires; in a restore ${names.join(' and ')} would: a stand-in passes over the restore's session and fires for everybody else`
  return [{ code: 'triggers', severity: 'note', relation: null, message }]
}

function cachedPlans(model: Model): Hazard[] {
  const hosts = [...model.removed.keys()].map((oid) => shown(model.name(oid)))
  if (hosts.length === 0) return []
  const message = `sessions with a prepared "select *" of ${hosts.join(' or ')} get "cached plan must not change result type" at the cut-over, and twice in a restore, until they prepare it anew`
  return [{ code: 'cached plans', severity: 'note', relation: null, message }]
}

function host(model: Model, oid: string): Hazard[] {
  const relation = model.relation(oid)
  const table = shown(model.name(oid))
  const removed = model.removed.get(oid) ?? []
  const found: Hazard[] = []
  const add = (code: Hazard['code'], severity: Hazard['severity'], message: string) =>
    found.push({ code, severity, relation: table, message })

  const moving = movingColumns(model, oid).map((c) => c.attname)
  if (moving.length > 0)
    add(
      'column order',
      'note',
      `after a restore ${moving.join(', ')} ${moving.length === 1 ? 'stands' : 'stand'} elsewhere, after the columns that stay, so "select *" and "insert" without column names see another order`,
    )
  if (relation.max_attnum > 800)
    add(
      'column numbers',
      'warning',
      `${table} has used ${String(relation.max_attnum)} of 1600 column numbers; each restore uses ${String(removed.length)} more`,
    )
  if (relation.relreplident === 'f')
    add('replication', 'note', `${table} has REPLICA IDENTITY FULL: what reads its changes misses the columns`)
  return found
}

const materializedViews = (model: Model): Hazard[] =>
  model.snapshot.relations
    .filter((r) => model.views.has(r.oid) && r.relkind === 'm' && r.relispopulated && !isPrebuilt(model, r))
    .map((r) => ({
      code: 'materialized view',
      severity: 'warning',
      relation: shown(model.name(r.oid)),
      message: `materialized view ${shown(model.name(r.oid))}: its query runs at the reveal, while locks are held: the restore holds others up for as long as that takes`,
    }))

function replication({ logicalSlots, standbys }: Surroundings): Hazard[] {
  const found: Hazard[] = []
  if (logicalSlots > 0)
    found.push({
      code: 'replication',
      severity: 'note',
      relation: null,
      message: `${String(logicalSlots)} logical replication ${logicalSlots === 1 ? 'slot decodes' : 'slots decode'} this database: plugins that ignore publications (wal2json, Debezium) see tables renamed and columns gone`,
    })
  if (standbys > 0)
    found.push({
      code: 'replication',
      severity: 'note',
      relation: null,
      message: `${String(standbys)} ${standbys === 1 ? 'standby replays' : 'standbys replay'} the ACCESS EXCLUSIVE locks: queries there that are in the way may be cancelled`,
    })
  return found
}
