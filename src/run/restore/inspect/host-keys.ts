import type { CatalogRows } from '../../../catalog/definitions.ts'
import { UnshipError } from '../../../errors.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import { onKey } from '../../../plan/data/backup.ts'
import { shown } from '../../../plan/model.ts'
import type { HostPlan } from '../../../plan/plan.ts'
import { rowsOf } from '../../../plan/tree.ts'
import { literal, qualified } from '../../../sql.ts'
import { alterBack, BY_SETTINGS, comparedBySettings, refuseOtherParents } from './compared.ts'
import type { RunContext } from '../../context.ts'
import type { NeedsNow } from './needs.ts'
import { row, run, sqlState } from '../../query.ts'
import { isSameLedger } from '../../same-ledger.ts'

/*
 * By its key a row is given its values back: that has to mean one row, and the one it was.
 */

const UNDEFINED_FUNCTION = '42883'

/** Refuses where a key can no longer be compared with the backed-up one, or not in the same way by every session. */
export async function refuseOtherKeys(
  context: RunContext,
  plan: RecordedPlan,
  needs: NeedsNow,
  state = 'Nothing was restored.',
): Promise<void> {
  const { db, feature } = context
  const refuse = (host: HostPlan, what: string, why: string, hint: string, cause?: unknown) => {
    throw new UnshipError({
      code: 'not_restorable',
      message: `feature ${feature} cannot be restored into the tables as they are now`,
      detail: `The key of ${shown(host.table)} (${host.key.join(', ')}) has another ${what} than in the backup${why}.`,
      hint: `${hint} ${state}`,
      cause,
    })
  }
  const INCOMPARABLE = ', and cannot be compared with it'
  for (const host of plan.hosts) {
    await run(
      db,
      `select from ${rowsOf(host)} h join ${qualified(host.backup)} b on ${onKey(host, 'h', 'b')} limit 0`,
    ).catch((error: unknown) => {
      if (sqlState(error) === UNDEFINED_FUNCTION) refuse(host, 'type', INCOMPARABLE, 'Give it its type back.', error)
      throw error
    })
    const { differ } = await row<{ differ: boolean }>(db, collationsDiffer(host))
    if (differ) refuse(host, 'collation', INCOMPARABLE, 'Give it its collation back.')
    const { table, backup, key } = host
    const pairs = key.map((column) => ({ a: { table, column }, b: { table: backup, column } }))
    if ((await comparedBySettings(db, pairs)).length > 0) refuse(host, 'type', `: ${BY_SETTINGS}`, alterBack('it'))
  }
  await refuseOtherParents(context, plan, needs, state)
}

/** Two collations of which none is the default: PostgreSQL would not know by which to compare, and says so only when it does. */
const collationsDiffer = ({ table, backup, key }: HostPlan): string =>
  `select exists (select from pg_catalog.pg_attribute h join pg_catalog.pg_attribute b using (attname)
     where h.attrelid = ${literal(qualified(table))}::pg_catalog.regclass and b.attrelid = ${literal(qualified(backup))}::pg_catalog.regclass
       and h.attname in (${key.map(literal).join(', ')}) and h.attcollation <> b.attcollation
       and (select pg_catalog.count(*) from pg_catalog.pg_collation c
         where c.oid in (h.attcollation, b.attcollation) and c.oid <> 'pg_catalog."default"'::pg_catalog.regcollation) = 2) as differ`

/** Reasons against filling a table whose key may stand for several rows by now. */
export function keyReasons({ table, key }: HostPlan, rows: CatalogRows): string[] {
  const relation = rows.relations.find((r) => r.nspname === table.schema && r.relname === table.name)
  if (!relation) return []
  const columns = rows.columns.filter((c) => c.attrelid === relation.oid)
  const missing = key.filter((k) => !columns.some((c) => c.attname === k))
  if (missing.length > 0) return [`key column ${missing.join(', ')} of ${shown(table)} is gone`]
  const unique = rows.indexes.some(
    (i) =>
      i.indrelid === relation.oid &&
      i.indisunique &&
      i.indisvalid &&
      i.indimmediate &&
      !i.partial &&
      !i.expressions &&
      i.compares_plainly &&
      i.indkey.slice(0, i.indnkeyatts).every((n) => key.includes(columns.find((c) => c.attnum === n)?.attname ?? '')),
  )
  return unique ? [] : [`no unique index of ${shown(table)} says that key ${key.join(', ')} means one row only`]
}

/** Says where a host table, or a column of its key, is another one than before: it may mean other rows by the same values. */
export async function warnOfOtherHosts(context: RunContext, plan: RecordedPlan, rows: CatalogRows): Promise<void> {
  if (!(await isSameLedger(context.db, plan))) return
  for (const { table, key } of plan.hosts) {
    const source = plan.sources?.find((s) => s.table === shown(table))
    const relation = rows.relations.find((r) => r.nspname === table.schema && r.relname === table.name)
    if (!source || !relation) continue
    const columns = rows.columns.filter((c) => c.attrelid === relation.oid)
    const others = key.filter((k, n) => columns.find((c) => c.attname === k)?.attnum !== source.key[n])
    const what =
      relation.oid !== source.oid
        ? `${shown(table)} is another table than the one that the columns were removed from`
        : `column ${others.join(', ')} of ${shown(table)} is another one than when the columns were removed`
    if (relation.oid !== source.oid || others.length > 0)
      context.warn(`${what}: whichever rows have the backed-up ${key.join(', ')} are given the values`)
  }
}
