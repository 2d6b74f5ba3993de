import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import { UnshipError } from '../errors.ts'
import type { RecordedPlan } from '../ledger/ledger.ts'
import { shown } from '../plan/model.ts'
import { literal, qualified } from '../sql.ts'
import type { RunContext } from './context.ts'

/** What only a table's owner creates. */
const OF_TABLES: readonly string[] = ['constraint', 'trigger', 'policy', 'rule']

/** Refuses where the session may not change what the restore changes, or create what it creates. */
export async function refuseRestoreRights({ db, feature }: RunContext, plan: RecordedPlan, me: string): Promise<void> {
  const ours = [...plan.hosts.flatMap((h) => [h.table, h.backup]), ...plan.moved.map((m) => m.backup)]
  const bearers = plan.claims.filter(({ kind }) => OF_TABLES.includes(kind))
  const tables = [...new Map([...ours, ...bearers].map((table) => [qualified(table), table])).values()]
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
  const schemas = [...new Set([...ours, ...plan.claims].map((named) => named.schema))]
  const closed = await readJson<{ nspname: string }>(
    db,
    schemas.length === 0
      ? 'select null as nspname where false'
      : `select n.nspname from pg_catalog.pg_namespace n
         where n.nspname in (${schemas.map((s) => literal(s)).join(', ')})
           and not pg_catalog.has_schema_privilege(n.oid, 'CREATE') order by 1`,
  )
  const lacks = [
    ...closed.map(({ nspname }) => `CREATE on schema ${nspname}.`),
    ...(await lackedOnParents(db, plan)).map(({ privilege, table }) => `${privilege} on table ${table}.`),
  ]
  if (lacks.length > 0)
    throw new UnshipError({
      code: 'missing_privilege',
      message: `role ${me} lacks privileges to restore feature ${feature}`,
      detail: lacks.join('\n'),
      hint: `Grant them to ${me}, or run the restore as a role that has them.`,
    })
}

/** Of the tables that its foreign keys refer to: parents that went are looked for there, and the keys are created. */
async function lackedOnParents(
  db: AnyKysely,
  plan: RecordedPlan,
): Promise<{ readonly privilege: string; readonly table: string }[]> {
  const keys = [...plan.hosts, ...plan.moved].flatMap((t) => t.foreignKeys)
  const parents = new Map(keys.map(({ referenced }) => [qualified(referenced), referenced]))
  // these are ours meanwhile
  for (const { table } of plan.moved) parents.delete(qualified(table))
  if (parents.size === 0) return []
  const names = [...parents.values()]
  const lacked = await readJson<{ n: number; privilege: string }>(
    db,
    `select w.n, p.privilege
     from (values ${names.map((t, n) => `(${String(n)}, ${literal(qualified(t))})`).join(', ')}) w(n, name)
     cross join (values ('REFERENCES'), ('SELECT')) p(privilege)
     where not pg_catalog.has_table_privilege(pg_catalog.to_regclass(w.name), p.privilege) order by 1, 2`,
  )
  return lacked.flatMap(({ n, privilege }) => (names[n] ? [{ privilege, table: shown(names[n]) }] : []))
}
