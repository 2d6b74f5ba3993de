import { readJson } from '../../../catalog/read.ts'
import { UnshipError } from '../../../errors.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import { literal, qualified, type QualifiedName } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'

/** Refuses where policies hide rows of a host table, or of a table that stayed and has the parents of rows that come back. */
export async function refuseHiddenRows({ db }: RunContext, plan: RecordedPlan, me: string): Promise<void> {
  const hosts = plan.hosts.map(({ table }) => table)
  const keys = [...plan.hosts, ...plan.moved].flatMap((t) => t.foreignKeys.filter((k) => k.validated))
  const moved = new Set(plan.moved.map(({ table }) => qualified(table)))
  const parents = keys.map((k) => k.referenced).filter((table) => !moved.has(qualified(table)))
  const tables = [...new Map<string, QualifiedName>([...hosts, ...parents].map((t) => [qualified(t), t])).values()]
  if (tables.length === 0) return
  const hidden = await readJson<{ n: number }>(
    db,
    `select w.n from (values ${tables.map((t, n) => `(${String(n)}, ${literal(qualified(t))})`).join(', ')}) w(n, name)
     where pg_catalog.row_security_active(pg_catalog.to_regclass(w.name)) order by w.n`,
  )
  if (hidden.length === 0) return
  throw new UnshipError({
    code: 'row_security',
    message: `row level security would hide rows of ${hidden.flatMap(({ n }) => (tables[n] ? [shown(tables[n])] : [])).join(', ')} from the restore`,
    detail: `Policies apply to role ${me} there, so rows could stay without their values, or be taken to have no parent, without an error.`,
    hint: "Run it as a role with BYPASSRLS, or without FORCE ROW LEVEL SECURITY as the table's owner. Nothing was restored.",
  })
}
