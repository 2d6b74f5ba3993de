import { id, literal } from '../sql.ts'
import { oidArray, relationOrder, type Oid, type Scope } from './fragments.ts'
import { meaningOfPolicy } from './meaning.ts'
import { replayable } from './replay.ts'

/** pg_policy.polcmd */
const polcmds = { '*': 'all', r: 'select', a: 'insert', w: 'update', d: 'delete' } as const

export interface Policy {
  readonly oid: Oid
  readonly polname: string
  readonly polrelid: Oid
  readonly polcmd: keyof typeof polcmds
  readonly polpermissive: boolean
  /** null is PUBLIC. */
  readonly roles: readonly (string | null)[]
  readonly qual: string | null
  readonly with_check: string | null
  /** The columns that it reads, by name. */
  readonly meaning: string | null
  readonly description: string | null
}

export const policyQuery = ({ relations }: Scope): string => `
  select p.oid, p.polname, p.polrelid, p.polcmd, p.polpermissive,
    (select pg_catalog.json_agg(r.rolname order by u.n) from pg_catalog.unnest(p.polroles) with ordinality u(oid, n)
      left join pg_catalog.pg_roles r on r.oid = u.oid) as roles,
    pg_catalog.pg_get_expr(p.polqual, p.polrelid) as qual,
    pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as with_check,
    ${meaningOfPolicy('p.oid')} as meaning,
    pg_catalog.obj_description(p.oid, 'pg_policy') as description
  from pg_catalog.pg_policy p
  where p.polrelid = any (${oidArray(relations)})
  order by ${relationOrder('p.polrelid')}, p.polname`

/** The statements that create a policy again; `pg_policy` has no text function of its own. */
export function createPolicy(policy: Policy, table: string): string[] {
  const parts = [
    `create policy ${id(policy.polname)} on ${table}`,
    `as ${policy.polpermissive ? 'permissive' : 'restrictive'}`,
    `for ${polcmds[policy.polcmd]}`,
    `to ${policy.roles.map((role) => (role === null ? 'public' : id(role))).join(', ')}`,
  ]
  if (policy.qual !== null) parts.push(`using (${replayable(policy.qual)})`)
  if (policy.with_check !== null) parts.push(`with check (${replayable(policy.with_check)})`)
  const statements = [parts.join(' ')]
  if (policy.description !== null)
    statements.push(`comment on policy ${id(policy.polname)} on ${table} is ${literal(policy.description)}`)
  return statements
}
