import { readJson } from '../../../catalog/read.ts'
import { UnshipError } from '../../../errors.ts'
import type { LedgerStatement, RecordedPlan } from '../../../ledger/recorded.ts'
import { literal } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'
import { rolesIn } from '../../named-roles.ts'
import { recordedStatements } from '../../recorded-statements.ts'
import { isSameLedger } from '../../same-ledger.ts'

/**
 * Refuses where a role was renamed, or dropped, and another one has its name by now: privileges, what it owned and policies would go to
 * that one. Whether it is the same person's, or takes the place of the first, nothing here can tell: the declaration may say so.
 */
export async function refuseOtherRoles(
  context: RunContext,
  removalId: string,
  plan: RecordedPlan,
  state = 'Nothing was restored.',
): Promise<void> {
  const { db, feature, acknowledge } = context
  const { roles = [] } = plan
  if (roles.length === 0 || !(await isSameLedger(db, plan))) return
  const others = await readJson<{ name: string; was: string | null }>(
    db,
    `select w.name, was.rolname as was from pg_catalog.json_to_recordset(${literal(JSON.stringify(roles))}) w(name text, oid pg_catalog.oid)
     join pg_catalog.pg_roles r on r.rolname = w.name and r.oid <> w.oid
     left join pg_catalog.pg_roles was on was.oid = w.oid order by 1`,
  )
  if (others.length === 0) return
  const statements = await recordedStatements(db, removalId)
  const told = others.map(({ name, was }) => ({
    name,
    line: `role ${name} is another one, and what it was is ${was ?? 'gone'}${was === null ? '' : ' by now'}: it would be given ${given(name, statements)}`,
  }))
  const isAcknowledged = ({ name }: { readonly name: string }) => acknowledge?.roles?.includes(name) === true
  for (const { line } of told.filter(isAcknowledged))
    context.warn(line.replace(': it would be given', ' (acknowledged): it is given'))
  const lines = told.filter((other) => !isAcknowledged(other)).map(({ line }) => `${line}.`)
  if (lines.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${feature} cannot be restored because names of roles stand for others`,
    detail: lines.join('\n'),
    hint: `Give each its name back until the feature is restored; or, where the other one is to have what that one had, name it under acknowledge.roles of the declaration. ${state}`,
  })
}

function given(name: string, statements: readonly LedgerStatement[]): string {
  const all = statements.flatMap((statement) => rolesIn(statement)).filter(({ role }) => role === name)
  return [...new Set(all.map((naming) => naming.given))].join(', ')
}
