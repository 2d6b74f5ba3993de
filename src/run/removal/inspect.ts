import type { AnyKysely } from '../../any-kysely.ts'
import { describe, membershipIdentity, type Description } from '../../catalog/describe.ts'
import { readSnapshot, type Snapshot } from '../../catalog/snapshot.ts'
import { translated } from '../../catalog/translated.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import type { RecordedPlan } from '../../ledger/recorded.ts'
import { isUnshipError, UnshipError } from '../../errors.ts'
import { extended } from '../../feature/extended.ts'
import { besides } from '../../refusals.ts'
import { Model, shown } from '../../plan/model.ts'
import type { CountPlan, RemovalPlan } from '../../plan/plan.ts'
import { byPlace } from '../../plan/refusals/place-reasons.ts'
import { creators } from '../../plan/refusals/rights.ts'
import { planFromSnapshot } from '../../plan/removal.ts'
import { rowsOf } from '../../plan/tree.ts'
import { readClaimed } from '../backups/claimed.ts'
import type { RunContext } from '../context.ts'
import { readingDeclared } from '../definitions-patiently.ts'
import { readKeptNames } from '../backups/kept-besides.ts'
import { namedRoles } from '../named-roles.ts'
import { refuseOthersFunctions } from '../others-functions.ts'
import { refuseOurs } from './ours.ts'
import { readLeftOver, takenBesides } from './left-over.ts'
import { proveRestorable } from '../prove.ts'
import { row } from '../query.ts'
import type { Session } from '../session.ts'
import { spelledForCaller } from './spelled.ts'
import { readUnfinished } from './unfinished.ts'

export interface Inspection {
  /** The declaration, with its names as the database has them. */
  readonly feature: FeatureDeclaration
  readonly snapshot: Snapshot
  readonly plan: RemovalPlan
}

/** Reads the catalog and plans; refuses what could not be restored. Changes nothing, locks nobody out. */
export async function inspect(context: RunContext, feature: FeatureDeclaration, named: AnyKysely): Promise<Inspection> {
  try {
    return await inspectTo(0, context, feature, named)
  } catch (error) {
    throw isUnshipError(error) ? await spelledForCaller(error, named, feature.schema) : error
  }
}

/** What follows from what was suggested is followed no further. */
const DEEPEST = 5

async function inspectTo(
  depth: number,
  context: RunContext,
  feature: FeatureDeclaration,
  named: AnyKysely,
): Promise<Inspection> {
  try {
    return await readingDeclared(context, feature, named, () => inspectAsDeclared(context.session, feature, named))
  } catch (error) {
    if (!isUnshipError(error) || !error.suggestion || depth >= DEEPEST) throw error
    throw await withWhatFollows(error, () =>
      inspectTo(depth + 1, context, extended(feature, error.suggestion ?? {}), named),
    )
  }
}

async function inspectAsDeclared(
  session: Session,
  declared: FeatureDeclaration,
  named: AnyKysely,
): Promise<Inspection> {
  const feature = translated(declared, named)
  const claimed = await readClaimed(session.db)
  const leftOver = await readLeftOver(session.db, feature.name)
  const kept = await readKeptNames(
    session.db,
    claimed.filter(({ run }) => run !== leftOver.run),
  )
  const unfinished = await readUnfinished(session.db)
  const read = await readSnapshot(session.db, declared, named)
  const snapshot = { ...read, taken: takenBesides(read.taken, leftOver), kept, unfinished }
  const plan = refuseOurs(claimed, feature, () => planFromSnapshot(snapshot, feature))
  await refuseOthersFunctions(session.db, new Model(snapshot, feature))
  await proveRestorable(session, plan)
  return { feature, snapshot, plan }
}

/** A refusal that asks for more declarations tells at once what would be refused with them. */
async function withWhatFollows(error: UnshipError, inspectExtended: () => Promise<unknown>): Promise<UnshipError> {
  try {
    await inspectExtended()
    return error
  } catch (next) {
    if (!isUnshipError(next)) throw next
    return besides(error, next, 'With that')
  }
}

/** Refuses servers that take no changes. */
export function refuseReadOnly({ environment }: Snapshot): void {
  if (!environment.read_only && !environment.in_recovery) return
  throw readOnlyServer(environment)
}

export const readOnlyServer = ({ in_recovery, database }: Snapshot['environment']) =>
  new UnshipError({
    code: 'wrong_state',
    message: in_recovery ? 'the server is a read-only replica' : 'the transaction is read-only',
    detail: `Database ${database} takes no changes ${in_recovery ? 'on this server' : 'in this transaction'}.`,
    hint: in_recovery ? 'Connect to the primary server.' : 'Run it in a transaction that may write.',
  })

/** What the ledger keeps of a plan, with the definitions of all that goes. */
export function recordedPlan({ feature, snapshot, plan }: Inspection): RecordedPlan {
  const model = new Model(snapshot, feature)
  const all = describe(snapshot)
  const going = new Set<string>()
  const gone = (oid: string) => model.moved.has(oid) || model.views.has(oid)
  const dotted = (oid: string) => `${model.name(oid).schema}.${model.name(oid).name}`
  for (const r of snapshot.relations) if (gone(r.oid)) going.add(dotted(r.oid))
  const inPlan = (catalog: string, oid: string) => model.nodes.has(`${catalog}:${oid}:0`)
  const wanted = new Set<string>()
  for (const identity of Object.keys(all)) {
    if (identity.startsWith('type ')) continue // rows' own types; declared ones follow
    const name = identity.slice(identity.indexOf(' ') + 1).replace(/^view |^options |^column /, '')
    if (going.has(name) || [...going].some((g) => name.startsWith(`${g}.`))) wanted.add(identity)
  }
  for (const [oid, columns] of model.gone) for (const c of columns) wanted.add(`column ${dotted(oid)}.${c.attname}`)
  for (const i of snapshot.indexes)
    if (gone(i.indrelid) || inPlan('pg_class', i.indexrelid)) wanted.add(`index ${i.nspname}.${i.relname}`)
  for (const k of snapshot.constraints)
    if (inPlan('pg_constraint', k.oid)) wanted.add(`constraint ${dotted(k.conrelid)}.${k.conname}`)
  for (const t of snapshot.triggers)
    if (inPlan('pg_trigger', t.oid)) wanted.add(`trigger ${dotted(t.tgrelid)}.${t.tgname}`)
  for (const p of snapshot.policies)
    if (inPlan('pg_policy', p.oid)) wanted.add(`policy ${dotted(p.polrelid)}.${p.polname}`)
  for (const r of snapshot.rules)
    if (inPlan('pg_rewrite', r.oid)) wanted.add(`rule ${dotted(r.ev_class)}.${r.rulename}`)
  for (const s of snapshot.statistics)
    if (inPlan('pg_statistic_ext', s.oid)) wanted.add(`statistics ${s.nspname}.${s.stxname}`)
  for (const p of snapshot.routines) wanted.add(`function ${p.nspname}.${p.proname}(${p.argument_types})`)
  for (const t of snapshot.types)
    if (model.declared.has(`pg_type:${t.oid}:0`)) wanted.add(`type ${t.nspname}.${t.typname}`)
  for (const s of snapshot.sequences)
    if (inPlan('pg_class', s.seqrelid)) {
      wanted.add(`sequence ${dotted(s.seqrelid)}`)
      wanted.add(`sequence options ${dotted(s.seqrelid)}`)
    }
  for (const { table, publication } of plan.publications)
    wanted.add(membershipIdentity(`${table.schema}.${table.name}`, publication))
  const described: Description = {}
  for (const identity of [...wanted].sort()) if (identity in all) described[identity] = all[identity]
  const { current_user: me } = snapshot.environment
  const { schema, hosts, moved, keptKeys, locks, takeBack, claims } = plan
  const { returningKeys, needs, reads, publications, rewrites } = plan
  const sources = hosts.flatMap(({ table, key }) => {
    const relation = snapshot.relations.find((r) => r.nspname === table.schema && r.relname === table.name)
    const columns = snapshot.columns.filter((c) => c.attrelid === relation?.oid)
    const numbers = key.flatMap((k) => columns.find((c) => c.attname === k)?.attnum ?? [])
    if (!relation) return []
    const { oid, max_attnum: last } = relation
    const staying = columns.filter((c) => !model.isRemoved(oid, c.attnum)).sort((a, b) => a.attnum - b.attnum)
    const order = { last, byPlace: byPlace(model, oid), columns: staying.map((c) => c.attname) }
    return [{ table: shown(table), oid, key: numbers, ...order }]
  })
  const kept = {
    schema,
    hosts,
    moved,
    keptKeys,
    locks,
    takeBack,
    claims,
    returningKeys,
    needs,
    reads,
    publications,
    rewrites,
  }
  return {
    ...kept,
    sources,
    described,
    ...(feature.acknowledge && { acknowledge: feature.acknowledge }),
    creators: creators(model).filter(({ role }) => role !== me),
    roles: namedRoles(plan.restore, snapshot.roles),
  }
}

/**
 * Runs the preflight counts, each table in one pass; columns of several host tables under one label add up. All rows of
 * host tables are counted along.
 */
export async function readCounts(
  session: Session,
  plan: RemovalPlan,
): Promise<{ counts: Record<string, number>; hostRows: Record<string, number> }> {
  const found = new Map<CountPlan, number>()
  const hostRows: Record<string, number> = {}
  const hosts = new Map(plan.hosts.map((host) => [`${rowsOf(host)} h`, host]))
  const together = new Map<string, CountPlan[]>([...hosts.keys()].map((from) => [from, []]))
  for (const count of plan.counts) {
    if (count.rows) together.set(count.rows.from, [...(together.get(count.rows.from) ?? []), count])
    else found.set(count, Number((await row<{ rows: string }>(session.db, count.sql)).rows))
  }
  for (const [from, counts] of together) {
    const columns = counts.map(
      (c, n) => `(pg_catalog.count(*) filter (where ${c.rows?.where ?? ''}))::text as rows${String(n)}`,
    )
    const all = 'pg_catalog.count(*)::text as total'
    const counted = await row<Record<string, string>>(session.db, `select ${[all, ...columns].join(', ')} from ${from}`)
    counts.forEach((c, n) => found.set(c, Number(counted[`rows${String(n)}`])))
    const host = hosts.get(from)
    if (host) hostRows[shown(host.table)] = Number(counted.total)
  }
  const counts: Record<string, number> = {}
  for (const count of plan.counts) counts[count.label] = (counts[count.label] ?? 0) + (found.get(count) ?? 0)
  return { counts, hostRows }
}
