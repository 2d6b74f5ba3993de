import type { Environment } from '../catalog/environment.ts'
import { readJson } from '../catalog/read.ts'
import type { CatalogRows } from '../catalog/snapshot.ts'
import { UnshipError } from '../errors.ts'
import type { RecordedPlan } from '../ledger/ledger.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { swapMembership, type MembershipSwap } from '../plan/membership-swap.ts'
import { shown } from '../plan/model.ts'
import { wideReason, WIDE_HINT } from '../plan/published-reasons.ts'
import { literal } from '../sql.ts'
import { backupsOf } from './backups.ts'
import type { RunContext } from './context.ts'

/** Refuses where the publications that tables come back to are gone, or have become ones that take in our own tables. */
export async function refusePublications(
  { db, feature }: RunContext,
  plan: RecordedPlan,
  { wide_publications, current_user: me }: Environment,
): Promise<void> {
  const schemas = new Set([LEDGER_SCHEMA, ...[...plan.hosts, ...backupsOf(plan)].map(({ table }) => table.schema)])
  const wide = wide_publications.filter(({ nspname }) => nspname === null || schemas.has(nspname))
  const isMoved = ({ table }: { table: { schema: string; name: string } }) =>
    plan.moved.some((m) => m.table.schema === table.schema && m.table.name === table.name)
  const returning = (plan.publications ?? []).filter(isMoved)
  const found =
    returning.length === 0
      ? []
      : await readJson<{ pubname: string; owner: string; owned: boolean }>(
          db,
          `select p.pubname, pg_catalog.pg_get_userbyid(p.pubowner) as owner, pg_catalog.pg_has_role(p.pubowner, 'USAGE') as owned
           from pg_catalog.pg_publication p where p.pubname in (${returning.map((r) => literal(r.publication)).join(', ')})`,
        )
  const reasons = [
    ...wide.map((w) => wideReason(w)),
    ...returning.flatMap(({ table, publication }) => {
      const there = found.find((f) => f.pubname === publication)
      if (!there) return [`publication ${publication}, to which ${shown(table)} comes back, does not exist`]
      return there.owned
        ? []
        : [`publication ${publication}, to which ${shown(table)} comes back, belongs to ${there.owner}`]
    }),
  ]
  if (reasons.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${feature} cannot be restored into the publications as they are now`,
    detail: reasons.map((r) => `${r}.`).join('\n'),
    hint: `Nothing was restored. ${
      wide.length > 0 ? WIDE_HINT : `Create what is missing again (empty), or give ${me} the rights of the owner.`
    }`,
  })
}

/** How the publications of host tables pass over the columns that come back; says what their subscribers need. */
export function hostMemberships(context: RunContext, plan: RecordedPlan, rows: CatalogRows): MembershipSwap[] {
  return plan.hosts.flatMap(({ table, columns: restored }) => {
    const relation = rows.relations.find((r) => r.nspname === table.schema && r.relname === table.name)
    if (!relation) return []
    const columns = rows.columns.filter((c) => c.attrelid === relation.oid)
    return rows.memberships
      .filter((m) => m.prrelid === relation.oid)
      .flatMap((membership) => {
        const known = plan.publications?.some(
          (p) => p.publication === membership.pubname && p.table.schema === table.schema && p.table.name === table.name,
        )
        if (known !== true && membership.columns === null)
          context.warn(
            `publication ${membership.pubname} has taken in ${shown(table)} since the removal: its subscribers must have ${restored
              .map((c) => c.name)
              .join(', ')} before these columns appear`,
          )
        const swap = swapMembership(membership, table, columns, plan.publications ?? [])
        return swap ? [swap] : []
      })
  })
}
