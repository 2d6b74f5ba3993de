import { addressesExpression, addressKeys, type Ours } from '../../catalog/dependency.ts'
import { oidArray } from '../../catalog/fragments.ts'
import { definitionsQuery, type Definitions } from '../../catalog/definitions.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { dollarQuote, literal } from '../../sql.ts'
import { OTHER_CATALOG } from '../../sql-states.ts'
import type { HostPlan } from '../plan.ts'
import { goingSequences, listless, listlessTables } from './row-locks.ts'

/*
 * What is removed has to be what was planned for: whatever somebody alters in between would come back as it was before. The
 * catalog is compared while a lock keeps DDL off the tables, before the locks that others wait for; reading them takes
 * longer than all that is done under those.
 */

/** What a removal makes before its cut-over. */
export const oursOf = (hosts: readonly HostPlan[]): Ours => ({
  schema: LEDGER_SCHEMA,
  tables: hosts.map(({ backup }) => backup),
})

/** Fails where objects or their definitions are not those that were planned from. */
export function demandSameCatalog(
  { scope, environment, checksum, roots, nodes }: Snapshot,
  hosts: readonly HostPlan[],
): string[] {
  return [
    ...(roots.length > 0
      ? [raiseIf(`${addressesExpression(roots, oursOf(hosts))} <> ${literal(addressKeys(nodes))}`)]
      : []),
    demandSameDefinitions({ scope, major: environment.major, checksum }),
  ]
}

/** Fails where the catalog's rows are not those that were read before. */
export const demandSameDefinitions = ({ scope, major, checksum }: Omit<Definitions, 'rows'>): string =>
  raiseIf(`(select c.checksum from (${definitionsQuery(scope, major)}) c) <> ${literal(checksum)}`)

const raiseIf = (condition: string): string =>
  `do ${dollarQuote(
    `
begin
  if ${condition} then
    raise exception using message = 'definitions have changed', errcode = '${OTHER_CATALOG}';
  end if;
end`,
    'catalog',
  )}`

/** Where the transaction keeps what they were. */
const STILL = 'unship.still'

/** What belongs to a table, and is commented on under a lock of it alone; and the column that names the table. */
const COMMENTED_ALONE = {
  pg_constraint: 'conrelid',
  pg_policy: 'polrelid',
  pg_rewrite: 'ev_class',
  pg_trigger: 'tgrelid',
} as const

/**
 * What no weak lock keeps still: sequences, comments on what belongs to tables, and what comes to depend on what goes. What they are is
 * kept before the comparison, and has to be the same when all is locked. (Privileges that a sequence had are held by `keepStill`, and
 * taken away in between.)
 */
export function holdTheRest(snapshot: Snapshot): { readonly before: string; readonly after: string } {
  const relations = oidArray(snapshot.scope.relations)
  const sequences = goingSequences(snapshot)
  const of = (catalog: string, classid: string, objid: string) =>
    `(select pg_catalog.array_agg(x::text order by x::text) from pg_catalog.${catalog} x
      where x.${classid} = c.tableoid and x.${objid} = c.oid)`
  const comments = `select pg_catalog.array_agg((d.classoid, d.objoid, d.description)::text order by d.classoid, d.objoid)
  from (${Object.entries(COMMENTED_ALONE)
    .map(
      ([catalog, column]) =>
        `select c.tableoid, c.oid from pg_catalog.${catalog} c where c.${column} = any (${relations})`,
    )
    .join('\n    union all ')}) c
  join pg_catalog.pg_description d on d.classoid = c.tableoid and d.objoid = c.oid`
  const ofSequences = `select pg_catalog.array_agg((c.oid, c.relname, c.relowner, s::text, ${of('pg_description', 'classoid', 'objoid')}, ${of('pg_seclabel', 'classoid', 'objoid')}, ${of('pg_depend', 'classid', 'objid')})::text
    order by c.oid)
  from pg_catalog.pg_class c join pg_catalog.pg_sequence s on s.seqrelid = c.oid
  where c.oid = any (${oidArray(sequences.map((s) => s.oid))})`
  const dependents = `select pg_catalog.array_agg(d::text order by d::text) from pg_catalog.pg_depend d where ${onWhatGoes(snapshot)}`
  const lists = `select pg_catalog.array_agg(c.relacl::text order by c.oid) from pg_catalog.pg_class c
  where c.oid = any (${oidArray(listless(snapshot).map((r) => r.oid))})`
  const now = `pg_catalog.concat((${dependents}), (${lists}), (${comments}), (${sequences.length > 0 ? ofSequences : 'null'}))`
  return {
    before: `select pg_catalog.set_config('${STILL}', ${now}, true)`,
    after: raiseIf(`${now} <> pg_catalog.current_setting('${STILL}')`),
  }
}

/** On whole objects, on columns, and on the row types of their tables: who stores rows of a table stores the columns. */
function onWhatGoes({ nodes, relations }: Snapshot): string {
  const columns = nodes.filter((n) => n.catalog === 'pg_class' && n.objsubid !== 0)
  const rowTypes = relations.filter((r) => columns.some((c) => c.objid === r.oid)).map((r) => r.reltype)
  const whole = (['pg_class', 'pg_proc', 'pg_type'] as const).map((catalog) => {
    const oids = nodes.filter((n) => n.catalog === catalog && n.objsubid === 0).map((n) => n.objid)
    return { catalog, oids: catalog === 'pg_type' ? [...oids, ...rowTypes] : oids }
  })
  const on = (catalog: string, what: string) =>
    `d.refclassid = 'pg_catalog.${catalog}'::pg_catalog.regclass and ${what}`
  return [
    ...whole.map(({ catalog, oids }) => on(catalog, `d.refobjid = any (${oidArray(oids)})`)),
    ...columns.map((c) => on('pg_class', `d.refobjid = ${c.objid} and d.refobjsubid = ${String(c.objsubid)}`)),
  ].join(' or ')
}

/** After the cut-over: tables that nobody was granted have changed their name since, and nobody can be granted them any more. */
export function demandOwnersAlone(snapshot: Snapshot): string[] {
  const tables = listlessTables(snapshot)
  if (tables.length === 0) return []
  return [
    raiseIf(`exists (select from pg_catalog.pg_class c cross join lateral pg_catalog.aclexplode(c.relacl) a
    where c.oid = any (${oidArray(tables.map((r) => r.oid))}) and a.grantee <> c.relowner)`),
  ]
}
