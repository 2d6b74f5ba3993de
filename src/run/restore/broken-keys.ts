import type { RecordedPlan } from '../../ledger/recorded.ts'
import {
  columnsOf,
  demandedOf,
  keyBreakers,
  referencedBeforeReveal,
  type KeyBreakers,
  type Referring,
  type Stage,
} from '../../plan/data/host-demands.ts'
import { shown } from '../../plan/model.ts'
import type { HostPlan } from '../../plan/plan.ts'
import { id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { beforeReveal, comparisonsOf } from './comparisons.ts'
import type { RunContext } from '../context.ts'
import { asFiller } from './fill.ts'
import { looking } from '../observe.ts'
import { row } from '../query.ts'

/** A foreign key that rows of a table that stayed break. */
export interface BrokenKey {
  readonly detail: readonly string[]
  /** What can be done about it. */
  readonly way: string
}

interface KeyAt extends Referring {
  readonly stage: Stage
}

/** How many rows refer to what is not there, and how many have a part of a reference alone. */
interface Found {
  readonly orphaned: number
  readonly half: number
}

/** Of foreign keys that come back, but those over removed columns that can be left empty, those that do not hold. */
export async function brokenKeys(context: RunContext, plan: RecordedPlan, stage: Stage): Promise<BrokenKey[]> {
  const broken: BrokenKey[] = []
  for (const referring of demandedOf(plan)) {
    const at = { ...referring, stage }
    const breakers = await breakersOf(context, plan, at)
    if (breakers === null) continue
    const found = await count(
      context,
      breakers,
      `rows of ${shown(at.table)} are looked through for such as foreign key ${at.key.name} does not hold for`,
    )
    if (found.orphaned + found.half === 0) continue
    // whoever reads it meets a database from which what the transaction did is gone
    const read = context.session.inTransaction ? { ...at, stage: 'before' as const } : at
    const query = read.stage === stage ? breakers : await breakersOf(context, plan, read)
    broken.push({ detail: toldOf(at, found), way: wayOut(plan, read, found, query) })
  }
  return broken
}

async function breakersOf(context: RunContext, plan: RecordedPlan, at: KeyAt): Promise<KeyBreakers | null> {
  const { table, host, key, stage } = at
  const isRevealed = stage === 'revealed'
  const parent = isRevealed ? key.referenced : referencedBeforeReveal(plan.moved, key)
  // PostgreSQL may look there when it validates, where the role may not
  if (!(await isReadable(context, table)) || !(await isReadable(context, parent))) return null
  const parentHost = plan.hosts.find((h) => qualified(h.table) === qualified(key.referenced))
  const standing = (of: HostPlan | null | undefined, name: QualifiedName) =>
    beforeReveal(isRevealed ? undefined : (of ?? undefined), name)
  const comparisons = await comparisonsOf(
    ...([context.db, key, standing(host, table), standing(parentHost, parent)] as const),
  )
  return keyBreakers(plan, at, { stage, comparisons })
}

async function isReadable({ db }: RunContext, table: QualifiedName): Promise<boolean> {
  const oid = `pg_catalog.to_regclass(${literal(qualified(table))})`
  const { readable } = await row<{ readable: boolean | null }>(
    db,
    `select pg_catalog.has_table_privilege(${oid}, 'SELECT') and not pg_catalog.row_security_active(${oid}) as readable`,
  )
  return readable === true
}

async function count(context: RunContext, { rows, half, broken }: KeyBreakers, what: string): Promise<Found> {
  let found = { orphaned: '0', half: '0' }
  await asFiller(context, async () => {
    found = await looking(context, what, () =>
      row<typeof found>(
        context.db,
        `select pg_catalog.count(*) filter (where (${half}) is not true)::text as orphaned, pg_catalog.count(*) filter (where ${half})::text as half
         from ${rows} as t where ${broken}`,
      ),
    )
  })
  return { orphaned: Number(found.orphaned), half: Number(found.half) }
}

function toldOf({ table, key }: KeyAt, { orphaned, half }: Found): string[] {
  const columns = key.columns.join(', ')
  const rows = (n: number) => `${String(n)} ${n === 1 ? 'row' : 'rows'} of ${shown(table)}`
  return [
    ...(orphaned > 0
      ? [
          `${rows(orphaned)} would refer by ${columns} to rows of ${shown(key.referenced)} that are not there (foreign key ${key.name}).`,
        ]
      : []),
    ...(half > 0
      ? [`${rows(half)} would have a part of (${columns}) alone (foreign key ${key.name} is MATCH FULL).`]
      : []),
  ]
}

/** Rows of a table that goes with the feature are in a backup, which nothing can be added to. */
function wayOut(plan: RecordedPlan, at: KeyAt, { orphaned }: Found, breakers: KeyBreakers | null): string {
  const { host, key, stage } = at
  const parent = shown(key.referenced)
  const table = shown(at.table)
  const isMoved = plan.moved.some((m) => qualified(m.table) === qualified(key.referenced))
  const changeable = key.columns.filter((name) => stage === 'revealed' || !host?.columns.some((c) => c.name === name))
  const ways = [
    ...(orphaned > 0 && (!isMoved || stage === 'revealed') ? [`insert the missing rows of ${parent}`] : []),
    ...(changeable.length > 0 ? [`change ${changeable.join(', ')} of those rows of ${table}`] : []),
    `delete those rows of ${table}`,
  ]
  const list = ways.join(', or ')
  const way = `${list.charAt(0).toUpperCase()}${list.slice(1)}.`
  return breakers === null ? way : `${way} These are they:\n${finding(at, breakers)}`
}

const finding = ({ host, key }: KeyAt, { rows, broken }: KeyBreakers): string => {
  const names = host ? columnsOf(host, key).map((name) => `t.${id(name)}`) : ['t.*']
  return `select ${names.join(', ')} from ${rows} as t where ${broken};`
}
