import type { Environment } from '../../../catalog/environment.ts'
import { readJson } from '../../../catalog/read.ts'
import type { CatalogRows } from '../../../catalog/definitions.ts'
import { UnshipError } from '../../../errors.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import { LEDGER_SCHEMA } from '../../../ledger/schema.ts'
import { swapMembership, type MembershipSwap } from '../../../plan/objects/membership-swap.ts'
import { shown } from '../../../plan/model.ts'
import { wideReason, WIDE_HINT } from '../../../plan/refusals/published-reasons.ts'
import type { Naming } from '../../../plan/unchanged/same-publications.ts'
import { literal, qualified, type QualifiedName } from '../../../sql.ts'
import { backupsOf } from '../../backups/backups.ts'
import type { RunContext } from '../../context.ts'
import type { PublishedNow } from './publications-now.ts'

/** Refuses where the publications that tables come back to are gone, are others, or have become ones that take in our own tables. */
export async function refusePublications(
  { db, feature }: RunContext,
  plan: RecordedPlan,
  recorded: readonly PublishedNow[],
  { wide_publications, current_user: me }: Environment,
  state = 'Nothing was restored.',
): Promise<void> {
  const schemas = new Set([LEDGER_SCHEMA, ...[...plan.hosts, ...backupsOf(plan)].map(({ table }) => table.schema)])
  const wide = wide_publications.filter(({ nspname }) => nspname === null || schemas.has(nspname))
  const returning = recorded.filter((p) => plan.moved.some((m) => isSame(m.table, p.table)))
  const found =
    returning.length === 0
      ? []
      : await readJson<{ pubname: string; owner: string; owned: boolean }>(
          db,
          `select p.pubname, pg_catalog.pg_get_userbyid(p.pubowner) as owner, pg_catalog.pg_has_role(p.pubowner, 'USAGE') as owned
           from pg_catalog.pg_publication p where p.pubname in (${returning.map((r) => literal(r.publication)).join(', ')})`,
        )
  const backups =
    plan.moved.length === 0
      ? []
      : await readJson<{ name: string; pubname: string }>(
          db,
          `select g.prrelid::pg_catalog.regclass::text as name, p.pubname from pg_catalog.pg_publication_rel g
           join pg_catalog.pg_publication p on p.oid = g.prpubid
           where g.prrelid in (${plan.moved.map((m) => `${literal(qualified(m.backup))}::pg_catalog.regclass`).join(', ')})`,
        )
  const reasons = [
    ...wide.map((w) => wideReason(w)),
    ...backups.map(({ name, pubname }) => `publication ${pubname} publishes ${name}: take it out first`),
    ...returning.flatMap(({ table, publication, now, replaced }) => {
      if (replaced && now !== null)
        return [
          `publication ${publication}, to which ${shown(table)} comes back, is another one, and what it was is ${now} by now`,
        ]
      const there = found.find((f) => f.pubname === publication)
      if (!there) return [`publication ${publication}, to which ${shown(table)} comes back, does not exist`]
      return there.owned
        ? []
        : [`publication ${publication}, to which ${shown(table)} comes back, belongs to ${there.owner}`]
    }),
  ]
  if (reasons.length === 0) return
  const renamed = returning.some(({ replaced, now }) => replaced && now !== null)
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${feature} cannot be restored into the publications as they are now`,
    detail: reasons.map((r) => `${r}.`).join('\n'),
    hint: `${state} ${
      wide.length > 0
        ? WIDE_HINT
        : renamed
          ? 'Give each publication its name back until the feature is restored; or drop what it was, if the other has taken its place for good.'
          : `Create what is missing again (empty), or give ${me} the rights of the owner.`
    }`,
  })
}

/** How the publications of host tables pass over the columns that come back; says what their subscribers need. */
export function hostMemberships(
  context: RunContext,
  plan: RecordedPlan,
  publications: readonly PublishedNow[],
  rows: CatalogRows,
): { memberships: MembershipSwap[]; published: Naming[] } {
  // what was renamed is what it was, and what has its name by now is not
  const recorded = publications.map((p) => ({ ...p, publication: p.now ?? p.publication }))
  const memberships: MembershipSwap[] = []
  const published: Naming[] = []
  for (const { table, columns: restored } of plan.hosts) {
    const relation = rows.relations.find((r) => r.nspname === table.schema && r.relname === table.name)
    if (!relation) continue
    const columns = rows.columns.filter((c) => c.attrelid === relation.oid)
    for (const membership of rows.memberships.filter((m) => m.prrelid === relation.oid)) {
      const { pubname: publication } = membership
      published.push({ table, publication })
      if (membership.columns === null && !recorded.some((r) => r.publication === publication && isSame(r.table, table)))
        context.warn(
          `publication ${publication} has taken in ${shown(table)} since the removal: its subscribers must have ${restored
            .map((c) => c.name)
            .join(', ')} before these columns appear`,
        )
      const swap = swapMembership(membership, table, columns, recorded)
      if (swap) memberships.push(swap)
    }
  }
  return { memberships, published }
}

const isSame = (a: QualifiedName, b: QualifiedName) => a.schema === b.schema && a.name === b.name
