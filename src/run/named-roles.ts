import type { Role } from '../catalog/environment.ts'
import type { Oid } from '../catalog/fragments.ts'
import { partsOf } from './recorded-statements.ts'

/** A role that the statements of a restore name, by its identifier when the feature was removed. */
export interface NamedRole {
  readonly name: string
  readonly oid: Oid
}

/** What a statement gives to a role. */
interface Naming {
  readonly role: string
  /** `select on table "public"."t"`, `view "public"."v"`, `policy "p" on "public"."t"` */
  readonly given: string
}

// names of ours are always quoted
const NAME = '"(?:[^"]|"")+"'

/** GRANT, OWNER TO, SET ROLE: the role is the last word. */
const TO_A_ROLE = new RegExp(
  `^(?:grant (?<privilege>[^]*) to |alter (?<owned>[^]*) owner to |set local role )(?<role>${NAME})(?: with grant option)?$`,
)

/** Of a policy, which may be for several roles. */
const POLICY = new RegExp(
  `^create (?<policy>policy ${NAME} on ${NAME}(?:[.]${NAME})?) as [a-z]+ for [a-z]+ to (?<roles>(?:${NAME}|public)(?:, (?:${NAME}|public))*)`,
)

/** What a list of privileges that there was none of begins with: the statements are strings in its block. */
const IN_A_BLOCK = /\bexecute (E?)'((?:[^']|'')*)';/g

const unquoted = (name: string) => name.slice(1, -1).replaceAll('""', '"')

/** The role that a statement gives something to, or is done in. */
export function roleGiven(sql: string): string | null {
  const { role } = TO_A_ROLE.exec(sql)?.groups ?? {}
  return role === undefined ? null : unquoted(role)
}

/** All that a statement, or what it runs, gives to roles by their names. */
export function rolesIn(statement: { readonly sql: string }): Naming[] {
  return partsOf(statement).flatMap((sql) => {
    const { policy = '', roles } = POLICY.exec(sql)?.groups ?? {}
    if (roles !== undefined)
      return [...roles.matchAll(new RegExp(NAME, 'g'))].map(([name]) => ({ role: unquoted(name), given: policy }))
    const { privilege, owned } = TO_A_ROLE.exec(sql)?.groups ?? {}
    const role = roleGiven(sql)
    if (role !== null) return [{ role, given: privilege ?? owned ?? 'what is granted in its name' }]
    return sql.startsWith('do $acl')
      ? [...sql.matchAll(IN_A_BLOCK)].flatMap(([, escapes, text = '']) => {
          const inner = text.replaceAll("''", "'")
          return rolesIn({ sql: escapes ? inner.replaceAll('\\\\', '\\') : inner })
        })
      : []
  })
}

/** Those that a restore names, as they are when the feature is removed; built-in ones are never others. */
export function namedRoles(statements: readonly { readonly sql: string }[], roles: readonly Role[]): NamedRole[] {
  const named = new Set(statements.flatMap((statement) => rolesIn(statement).map(({ role }) => role)))
  return roles.flatMap(({ rolname, oid }) => (named.has(rolname) ? [{ name: rolname, oid }] : []))
}
