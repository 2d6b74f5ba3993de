import { readJson } from '../catalog/read.ts'
import { UnshipError } from '../errors.ts'
import type { RecordedPlan } from '../ledger/ledger.ts'
import { shown } from '../plan/model.ts'
import { literal, qualified } from '../sql.ts'
import type { RunContext } from './context.ts'

/** Refuses where the session may not change what the restore changes, or create what it creates. */
export async function refuseRestoreRights({ db, feature }: RunContext, plan: RecordedPlan, me: string): Promise<void> {
  const tables = [...plan.hosts.flatMap((h) => [h.table, h.backup]), ...plan.moved.map((m) => m.backup)]
  const foreign = await readJson<{ n: number; owner: string }>(
    db,
    tables.length === 0
      ? 'select null as n where false'
      : `select w.n, pg_catalog.pg_get_userbyid(c.relowner)::text as owner
         from (values ${tables.map((t, n) => `(${String(n)}, ${literal(qualified(t))})`).join(', ')}) w(n, name)
         join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(w.name)
         where not pg_catalog.pg_has_role(c.relowner, 'USAGE') order by w.n`,
  )
  if (foreign.length > 0)
    throw new UnshipError({
      code: 'not_owner',
      message: `role ${me} is not the owner of what the restore of feature ${feature} changes`,
      detail: foreign
        .flatMap(({ n, owner }) => (tables[n] ? [`table ${shown(tables[n])} belongs to ${owner}.`] : []))
        .join('\n'),
      hint: `Run the restore as the owner, or grant that role to ${me}.`,
    })
  const schemas = [...new Set([...tables, ...plan.claims].map((named) => named.schema))]
  const closed = await readJson<{ nspname: string }>(
    db,
    schemas.length === 0
      ? 'select null as nspname where false'
      : `select n.nspname from pg_catalog.pg_namespace n
         where n.nspname in (${schemas.map((s) => literal(s)).join(', ')})
           and not pg_catalog.has_schema_privilege(n.oid, 'CREATE') order by 1`,
  )
  if (closed.length > 0)
    throw new UnshipError({
      code: 'missing_privilege',
      message: `role ${me} lacks privileges to restore feature ${feature}`,
      detail: closed.map(({ nspname }) => `CREATE on schema ${nspname}.`).join('\n'),
      hint: `Grant them to ${me}, or run the restore as a role that has them.`,
    })
}
