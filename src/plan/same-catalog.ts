import { addressesExpression, addressKeys, type Ours } from '../catalog/dependency.ts'
import { oidArray } from '../catalog/fragments.ts'
import { definitionsQuery, type Snapshot } from '../catalog/snapshot.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { dollarQuote, literal } from '../sql.ts'
import { OTHER_CATALOG } from '../sql-states.ts'
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
    raiseIf(`(select c.checksum from (${definitionsQuery(scope, environment.major)}) c) <> ${literal(checksum)}`),
  ]
}

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

/** Where the transaction keeps who wrote what no lock can hold still. */
const WRITERS = 'unship.writers'

/** Functions, which have no locks, and views, of which a weak lock would lock their tables too: before they are compared, and at last. */
export function holdStill({ routines, relations }: Snapshot): {
  readonly before: readonly string[]
  readonly after: readonly string[]
} {
  const views = relations.filter(({ relkind }) => relkind === 'v' || relkind === 'm').map(({ oid }) => oid)
  const functions = routines.map(({ oid }) => oid)
  if (views.length + functions.length === 0) return { before: [], after: [] }
  const rows = `(
    select p.xmin from pg_catalog.pg_proc p where p.oid = any (${oidArray(functions)})
    union all select r.xmin from pg_catalog.pg_rewrite r where r.ev_class = any (${oidArray(views)})) w(xmin)`
  return {
    before: [
      `select pg_catalog.set_config('${WRITERS}', coalesce((select pg_catalog.string_agg(w.xmin::text, ' ') from ${rows}), ''), true)`,
    ],
    after: [
      raiseIf(
        `exists (select from ${rows} where w.xmin <> pg_catalog.pg_current_xact_id()::pg_catalog.xid
      and w.xmin::text <> all (pg_catalog.string_to_array(pg_catalog.current_setting('${WRITERS}'), ' ')))`,
      ),
    ],
  }
}
