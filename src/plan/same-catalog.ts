import { addressesExpression, addressKeys, type Ours } from '../catalog/dependency.ts'
import { oidArray, type Oid } from '../catalog/fragments.ts'
import { definitionsQuery, type Definitions, type Snapshot } from '../catalog/snapshot.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { dollarQuote, literal } from '../sql.ts'
import { NOT_YET, OTHER_CATALOG } from '../sql-states.ts'
import type { HostPlan } from './plan.ts'

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

/** Fails where one of these relations, which had none, has a list of privileges now. */
export const demandNoLists = (relations: readonly Oid[]): string[] =>
  relations.length === 0
    ? []
    : [
        raiseIf(
          `exists (select from pg_catalog.pg_class c where c.oid = any (${oidArray(relations)}) and c.relacl is not null)`,
        ),
      ]

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

/** What the server remembers of a session's; planned before there are locks that others wait for. */
const PREPARED = 'unship_writers'
/** Where the transaction keeps what that gave at first. */
const WRITERS = 'unship.writers'

/** Catalogs of what belongs to a relation, and the column that names it; theirs and the relation's comments are in another. */
const OF_RELATIONS = {
  pg_class: 'oid',
  pg_attribute: 'attrelid',
  pg_attrdef: 'adrelid',
  pg_constraint: 'conrelid',
  pg_index: 'indexrelid',
  pg_policy: 'polrelid',
  pg_rewrite: 'ev_class',
  pg_sequence: 'seqrelid',
  pg_statistic_ext: 'stxrelid',
  pg_trigger: 'tgrelid',
} as const
/** Whose rows have an identifier, by which comments, labels and dependences name them. */
const WITH_OID = ['pg_class', 'pg_constraint', 'pg_policy', 'pg_rewrite', 'pg_statistic_ext', 'pg_trigger'] as const

/**
 * What no weak lock keeps still: functions and types have none, one on a view would lock its tables too, and neither GRANT nor the new
 * name of an index asks for the table's. Who wrote their rows is looked at before the comparison, and once more when all locks are
 * held; then the attempt is given up, and the next one compares anew.
 */
export function holdStill({ scope }: Snapshot): {
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** Without locks, whatever came of it: the session is the caller's. */
  readonly afterwards: string
} {
  const [relations = '', routines = '', types = ''] = [scope.relations, scope.routines, scope.types].map(oidArray)
  const regclass = (catalog: string) => `'pg_catalog.${catalog}'::pg_catalog.regclass`
  const named = [
    ...WITH_OID.map(
      (catalog) =>
        `select ${regclass(catalog)}, c.oid from pg_catalog.${catalog} c join r on c.${OF_RELATIONS[catalog]} = r.oid`,
    ),
    `select ${regclass('pg_proc')}, pg_catalog.unnest(${routines})`,
    `select ${regclass('pg_type')}, pg_catalog.unnest(${types})`,
  ]
  const rows = [
    ...Object.entries(OF_RELATIONS).map(
      ([catalog, column]) => `select c.xmin from pg_catalog.${catalog} c join r on c.${column} = r.oid`,
    ),
    `select c.xmin from pg_catalog.pg_proc c where c.oid = any (${routines})`,
    `select c.xmin from pg_catalog.pg_type c where c.oid = any (${types})`,
    `select c.xmin from o join pg_catalog.pg_description c on c.classoid = o.catalog and c.objoid = o.oid`,
    `select c.xmin from o join pg_catalog.pg_seclabel c on c.classoid = o.catalog and c.objoid = o.oid`,
    `select c.xmin from o join pg_catalog.pg_depend c on c.classid = o.catalog and c.objid = o.oid and c.deptype = 'x' /* on an extension */`,
  ]
  return {
    before: [
      forget,
      `prepare ${PREPARED} as select pg_catalog.array_agg(distinct w.xmin::text) || (pg_catalog.count(*) || ' rows') as writers
from (with r(oid) as materialized (select pg_catalog.unnest(${relations})
    union all select i.indexrelid from pg_catalog.pg_index i where i.indrelid = any (${relations})),
  o(catalog, oid) as materialized (${named.join('\n    union all ')})
  ${rows.join('\n  union all ')}) w(xmin)`,
      `do ${dollarQuote(
        `
declare
  found text[];
begin
  execute 'execute ${PREPARED}' into found;
  perform pg_catalog.set_config('${WRITERS}', found::text, true);
end`,
        'writers',
      )}`,
    ],
    after: [
      `do ${dollarQuote(
        `
declare
  found text[];
begin
  execute 'execute ${PREPARED}' into found;
  if not pg_catalog.array_remove(found, pg_catalog.pg_current_xact_id()::pg_catalog.xid::text) <@ pg_catalog.current_setting('${WRITERS}')::text[] then
    raise exception using message = 'definitions are being changed', errcode = '${NOT_YET}';
  end if;
end`,
        'writers',
      )}`,
    ],
    afterwards: forget,
  }
}

const forget = `do ${dollarQuote(
  `
begin
  if exists (select from pg_catalog.pg_prepared_statements s where s.name = '${PREPARED}') then
    deallocate ${PREPARED};
  end if;
end`,
  'forget',
)}`
