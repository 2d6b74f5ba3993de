import { readDefinitions, type CatalogRows, type Definitions } from '../../../catalog/definitions.ts'
import { readEnvironment, readMajor, type Environment } from '../../../catalog/environment.ts'
import type { Oid } from '../../../catalog/fragments.ts'
import type { Relation } from '../../../catalog/relation.ts'
import { readJson } from '../../../catalog/read.ts'
import { UnshipError } from '../../../errors.ts'
import { majorOf, type LedgerRun, type LedgerStatement, type RecordedPlan } from '../../../ledger/recorded.ts'
import { isBeingRestored } from '../../../plan/refusals/under-restore.ts'
import { shown } from '../../../plan/model.ts'
import type { MembershipSwap } from '../../../plan/objects/membership-swap.ts'
import { hidingReasons } from '../../../plan/refusals/published-reasons.ts'
import type { Naming } from '../../../plan/unchanged/same-publications.ts'
import type { Rewrites } from '../../../plan/rewrites.ts'
import { swapTrigger, type TriggerSwap } from '../../../plan/objects/swap.ts'
import { triggerFamilies } from '../../../plan/objects/trigger-family.ts'
import { literal, qualified } from '../../../sql.ts'
import { addedReasons } from './added-columns.ts'
import { refuseAltered } from './altered-needs.ts'
import { backupsOf } from '../../backups/backups.ts'
import { refuseChangedBackups, type SealedSince } from '../../backups/changed-backups.ts'
import { rowReasons } from './fill-hazards.ts'
import type { RunContext } from '../../context.ts'
import { readingTables } from '../../definitions-patiently.ts'
import { refuseGone } from './gone-needs.ts'
import { refuseHiddenRows } from './hidden-rows.ts'
import { refuseBrokenAtFirst } from '../host-demands.ts'
import { kindReasons } from './host-kinds.ts'
import { keyReasons, refuseOtherKeys, warnOfOtherHosts } from './host-keys.ts'
import { hostMemberships, refusePublications } from './inspect-publications.ts'
import { readOnlyServer } from '../../removal/inspect.ts'
import { refuseEventTriggers } from './late-event-triggers.ts'
import { warnOfLostKeys } from './lost-keys.ts'
import { lackingKeys } from './lacking-keys.ts'
import { readNeeds } from './needs.ts'
import { refuseOtherRoles } from './other-roles.ts'
import { refuseOthersFunctionsNow } from '../../others-functions.ts'
import { publicationsNow } from './publications-now.ts'
import { recordedStatements } from '../../recorded-statements.ts'
import { refuseConstrainedDomains } from './returning-types.ts'
import { warnOfReusedKeys } from './reused-keys.ts'
import { refuseReferredTo } from './referred-backups.ts'
import { linesOfLater, RESTORE_FIRST } from './removed-since.ts'
import { refuseReplaced } from './replaced-needs.ts'
import { refuseRestoreRights, refuseWithoutLanguage } from './restore-rights.ts'
import { storedReasons } from './stored-rows.ts'
import { refuseTaken } from './taken.ts'
import { refuseChangedTrees } from './trees.ts'
import { checkMajor, refuseTampered } from '../../backups/trust.ts'

/**
 * Reads what a restore meets, and refuses before anything changes.
 *
 * @param sealed the backups have been found to match their checksums
 */
export async function inspectRestore(
  context: RunContext,
  removal: LedgerRun,
  plan: RecordedPlan,
  { sealed = false }: { readonly sealed?: boolean } = {},
): Promise<{
  found: { swaps: TriggerSwap[]; memberships: MembershipSwap[]; published: Naming[]; rewrites?: Rewrites }
  hosts: Definitions
  sealed: SealedSince | null
}> {
  const { db } = context
  const environment = await readEnvironment(db)
  if (environment.read_only || environment.in_recovery) throw readOnlyServer(environment)
  checkMajor(context, removal, environment.major)
  refuseWithoutLanguage(context, environment)
  const reading = <T>(read: () => Promise<T>) => readingTables(context, tablesOf(plan), read)
  const { statements, needs } = await reading(() => refuseUnrestorable(context, removal, plan, environment))
  const since = sealed ? null : await refuseChangedBackups(context, removal, plan)
  const { publications, rewrites, hosts } = await reading(async () => {
    await refuseTaken(context, plan)
    const publications = await publicationsNow(db, removal, plan, environment.major)
    await refusePublications(context, plan, publications, environment)
    const { domains, rewrites } = await refuseConstrainedDomains(context, removal, plan)
    const hosts = await readHosts(context, plan, environment.major, domains)
    await refuseHiddenRows(context, plan, environment.current_user)
    const more = [...(await addedReasons(db, removal, plan, hosts.rows)), ...(await lackingKeys(db, plan))]
    refuseHosts(context, plan, hosts.rows, environment, statements, more)
    refuseEventTriggers(context, removal, environment)
    await refuseOtherKeys(context, plan, needs)
    return { publications, rewrites, hosts }
  })
  await reading(() => refuseRows(context, plan, hosts.rows))
  await reading(() => refuseBrokenAtFirst(context, plan))
  await reading(() => refuseReferredTo(context, plan))
  await reading(() => warnOfOtherHosts(context, plan, hosts.rows))
  await reading(() => warnOfLostKeys(context, removal, plan))
  await reading(() => warnOfReusedKeys(context, removal, plan, environment.major))
  const found = {
    swaps: planSwaps(plan, hosts.rows, environment),
    ...hostMemberships(context, plan, publications, hosts.rows),
    ...(rewrites && { rewrites: { reveal: false, ...plan.rewrites, add: true } }),
  }
  return { found, hosts, sealed: since }
}

/** What backups, roles, rights and all that definitions speak of would be refused for. */
async function refuseUnrestorable(
  context: RunContext,
  removal: LedgerRun,
  plan: RecordedPlan,
  environment: Environment,
): Promise<{ statements: readonly LedgerStatement[]; needs: Awaited<ReturnType<typeof readNeeds>> }> {
  const { db } = context
  await refuseMissing(context, removal.id, plan)
  // before what it lacks: whoever gave it that would meet this
  refuseReasons(context, await kindReasons(context, plan.hosts), 'Nothing was restored.')
  await refuseChangedTrees(context, plan)
  await refuseTampered(context, removal, plan)
  const statements = await recordedStatements(db, removal.id)
  await refuseOtherRoles(context, removal.id, plan)
  const needs = await readNeeds(db, plan, majorOf(removal))
  await refuseRestoreRights(context, plan, environment, statements, needs)
  await refuseOthersFunctionsNow(db, plan, 'Nothing was restored.')
  await refuseGone(context, removal.id, plan, statements, needs)
  refuseReplaced(context, needs)
  refuseAltered(context, statements, needs)
  return { statements, needs }
}

const tablesOf = (plan: RecordedPlan) => [
  ...plan.hosts.map(({ table }) => table),
  ...backupsOf(plan).map(({ table }) => table),
]

/** What lets the triggers of host tables pass over our session while it fills. */
function planSwaps(plan: RecordedPlan, rows: CatalogRows, { major }: { major: number }): TriggerSwap[] {
  const host = (r: Relation) => plan.hosts.find((h) => h.table.schema === r.nspname && h.table.name === r.relname)
  const tables = new Map(
    rows.relations
      .flatMap((r) => (host(r)?.members ? [r, ...partitionsOf(r, rows)] : host(r) ? [r] : []))
      .map((r) => [r.oid, { name: { schema: r.nspname, name: r.relname }, owner: r.owner }]),
  )
  return triggerFamilies(rows.triggers, (oid) => tables.get(oid)?.name ?? null).flatMap(
    (family) => swapTrigger(family, tables.get(family.trigger.tgrelid)?.owner ?? '', major) ?? [],
  )
}

export async function refuseMissing({ db, feature }: RunContext, removalId: string, plan: RecordedPlan): Promise<void> {
  const wanted = [...plan.hosts.map((h) => h.table), ...backupsOf(plan).map((b) => b.table)]
  if (wanted.length === 0) return
  const missing = await readJson<{ n: number }>(
    db,
    `select w.n from (values ${wanted.map((t, n) => `(${String(n)}, ${literal(qualified(t))})`).join(', ')}) w(n, name)
     where pg_catalog.to_regclass(w.name) is null`,
  )
  if (missing.length === 0) return
  const names = missing.flatMap(({ n }) => (wanted[n] ? [wanted[n]] : []))
  const host = names.filter((t) => plan.hosts.some((h) => h.table === t))
  const later = host.length > 0 ? await linesOfLater(db, removalId) : []
  throw new UnshipError({
    code: host.length > 0 ? 'host_table_missing' : 'backup_changed',
    message: `cannot restore feature ${feature} because ${names.map((t) => shown(t)).join(', ')} is missing`,
    detail: [
      host.length > 0 ? 'The table that its columns belong to is gone.' : 'A backup was renamed or dropped.',
      ...later,
    ].join('\n'),
    hint: `${later.length > 0 ? `${RESTORE_FIRST} give` : 'Give'} the table its name back, or bring it back from a backup of the database.`,
  })
}

/** Rows that an UPDATE would fail at, or change besides. */
async function refuseRows(context: RunContext, plan: RecordedPlan, rows: CatalogRows): Promise<void> {
  const reasons: string[] = []
  for (const host of plan.hosts) {
    const relation = rows.relations.find((r) => r.nspname === host.table.schema && r.relname === host.table.name)
    if (!relation) continue
    for (const r of [relation, ...partitionsOf(relation, rows)])
      if (r.relkind === 'r') reasons.push(...(await rowReasons(context, host, r, rows)))
  }
  refuseReasons(context, reasons, 'Mend those rows, or drop what they do not satisfy. Nothing was restored.')
}

/** Of a restore that goes on: keys may have come to mean several rows since, or others, or to be such as partitions do not take. */
export async function refuseAmbiguousKeys(context: RunContext, removal: LedgerRun, plan: RecordedPlan): Promise<void> {
  const state = 'It is as far restored as before.'
  const major = await readMajor(context.db)
  const { rows } = await readingTables(context, tablesOf(plan), () => readHosts(context, plan, major))
  const reasons = [...plan.hosts.flatMap((host) => keyReasons(host, rows)), ...(await lackingKeys(context.db, plan))]
  refuseReasons(context, reasons, state)
  await refuseOtherKeys(context, plan, await readNeeds(context.db, plan, majorOf(removal)), state)
}

/** Of a restore that goes on: publications may have gone since, or come. */
export async function refusePublicationsSince(
  context: RunContext,
  removal: LedgerRun,
  plan: RecordedPlan,
): Promise<void> {
  const environment = await readEnvironment(context.db)
  const publications = await publicationsNow(context.db, removal, plan, environment.major)
  await refusePublications(context, plan, publications, environment, 'It is as far restored as before.')
}

function refuseReasons({ feature }: RunContext, reasons: readonly string[], state: string): void {
  if (reasons.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${feature} cannot be restored into the tables as they are now`,
    detail: reasons.map((r) => `${r}.`).join('\n'),
    hint: state,
  })
}

async function readHosts(
  { db }: RunContext,
  plan: RecordedPlan,
  major: number,
  types: readonly Oid[] = [],
): Promise<Definitions> {
  const oids = await readJson<{ oid: string }>(
    db,
    plan.hosts.length === 0
      ? 'select null as oid where false'
      : `select t.relid::pg_catalog.oid as oid
         from (values ${plan.hosts.map((h) => `(${literal(qualified(h.table))})`).join(', ')}) x(name)
         cross join lateral (
           select x.name::pg_catalog.regclass union select p.relid from pg_catalog.pg_partition_tree(x.name::pg_catalog.regclass) p
         ) t(relid)`,
  )
  return await readDefinitions(db, { relations: oids.map((o) => o.oid), routines: [], types }, major)
}

/** The partitions of a table, at all levels. */
function partitionsOf(relation: Relation, rows: CatalogRows): Relation[] {
  const direct = rows.relations.filter((r) => relation.children.includes(r.oid))
  return relation.relkind === 'p' ? direct.flatMap((r) => [r, ...partitionsOf(r, rows)]) : []
}

function refuseHosts(
  context: RunContext,
  plan: RecordedPlan,
  rows: CatalogRows,
  environment: Environment,
  statements: readonly LedgerStatement[],
  more: readonly string[],
): void {
  const reasons: string[] = [...more]
  for (const host of plan.hosts) {
    const relation = rows.relations.find((r) => r.nspname === host.table.schema && r.relname === host.table.name)
    if (!relation) continue
    const name = shown(host.table)
    const columns = rows.columns.filter((c) => c.attrelid === relation.oid)
    if (isBeingRestored(relation, rows))
      reasons.push(`another restore into ${name} is under way, or has broken off: it has to end first`)
    reasons.push(...keyReasons(host, rows))
    for (const m of rows.memberships.filter((x) => x.prrelid === relation.oid)) {
      reasons.push(...hidingReasons(environment, name, relation, columns, rows.indexes, m))
      if (!m.owned) reasons.push(`publication ${m.pubname}, of ${name}, belongs to ${m.pubowner}`)
    }
    if (relation.typed) reasons.push(`${name} has become a typed table`)
    if (rows.rules.some((r) => r.ev_class === relation.oid && r.ev_type === '2'))
      reasons.push(`${name} has a rule on UPDATE`)
    for (const r of [relation, ...partitionsOf(relation, rows)]) {
      const of = shown({ schema: r.nspname, name: r.relname })
      reasons.push(...storedReasons(plan, host, r, statements))
      if (r.max_attnum + host.columns.length > 1600)
        reasons.push(`${of} has used ${String(r.max_attnum)} of 1600 column numbers`)
      if (r !== relation && r.relkind === 'f') reasons.push(`partition ${of} is a foreign table`)
      if (r !== relation && r.publications.length > 0)
        reasons.push(`${of} is published by ${r.publications.join(', ')}: its subscribers would break`)
      if (r !== relation && !r.owned) reasons.push(`partition ${of} belongs to ${r.owner}`)
    }
  }
  refuseReasons(context, reasons, 'Nothing was restored.')
}
