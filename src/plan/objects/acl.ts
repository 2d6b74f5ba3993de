import type { Acl, AclEntry } from '../../catalog/fragments.ts'
import { dollarQuote, id, literal } from '../../sql.ts'

/** What GRANT calls an object, and where its list stands. */
export interface AclTarget {
  /** `table public.t`, `function public.f(uuid)`, `sequence public.s` */
  readonly object: string
  readonly catalog: 'pg_class' | 'pg_proc' | 'pg_type'
  readonly aclColumn: 'relacl' | 'proacl' | 'typacl'
  /** An expression of type oid. */
  readonly oid: string
  readonly owner: string
  /** PUBLIC has something by default: EXECUTE on functions, USAGE on types. */
  readonly publicDefault: string | null
  /** Its columns may have lists of their own. */
  readonly columns?: boolean
}

const grantee = (name: string | null) => (name === null ? 'public' : id(name))

/** Takes every privilege of others than the owner away, whoever granted it. */
export const revokeFromOthers = (target: AclTarget): string =>
  revoking(target, { keepOwner: true, builtIn: target.publicDefault !== null })

const ownerColumn = (target: AclTarget) =>
  target.catalog === 'pg_class' ? 'relowner' : target.catalog === 'pg_proc' ? 'proowner' : 'typowner'

/** What ACLDEFAULT calls the kind of object. */
const defaultKind = ({ catalog, object }: AclTarget) =>
  catalog === 'pg_proc' ? 'f' : catalog === 'pg_type' ? 'T' : object.startsWith('sequence ') ? 's' : 'r'

interface Revoking {
  readonly keepOwner?: boolean
  /** What an object without a list gives by default is taken away too. */
  readonly builtIn?: boolean
  /** Done after it where there is a list. */
  readonly then?: readonly string[]
}

/** Runs while locks are held: each query in it is planned there, so there are few, and simple ones. */
function revoking(target: AclTarget, { keepOwner = false, builtIn = false, then = [] }: Revoking): string {
  const { aclColumn, catalog, oid } = target
  const revokeFrom = (grantees: string) => [
    `for role in ${grantees}${keepOwner ? ' where a.grantee <> own' : ''} loop`,
    `  execute pg_catalog.format('revoke all on %s from %s cascade', ${literal(target.object)},`,
    `    case role when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(role)) end);`,
    `end loop;`,
  ]
  const indented = (lines: readonly string[], by: string) => lines.map((line) => by + line)
  const ofColumns = `select distinct a.grantee from (
      select m.attacl from pg_catalog.pg_attribute m where m.attrelid = ${oid} and m.attacl is not null and not m.attisdropped
    ) m cross join lateral pg_catalog.aclexplode(m.attacl) a`
  const body = [
    `declare`,
    `  list aclitem[];`,
    `  own pg_catalog.oid;`,
    `  role pg_catalog.oid;`,
    `begin`,
    `  select o.${aclColumn}, o.${ownerColumn(target)} into list, own from pg_catalog.${catalog} o where o.oid = ${oid};`,
    ...(builtIn ? [`  list := coalesce(list, pg_catalog.acldefault('${defaultKind(target)}', own));`] : []),
    `  if list is not null then`,
    ...indented(revokeFrom('select distinct a.grantee from pg_catalog.aclexplode(list) a'), '    '),
    ...then.map((sql) => `    ${sql};`),
    `  end if;`,
    ...(target.columns ? indented(revokeFrom(ofColumns), '  ') : []),
    `end`,
  ].join('\n')
  return `do ${dollarQuote(body, 'acl')}`
}

/**
 * The statements that give an object exactly this list, in this order, whatever
 * default privileges gave it when it was created.
 */
export function setAcl(target: AclTarget, acl: Acl): string[] {
  if (acl === null) {
    const toPublic = target.publicDefault ? [`grant ${target.publicDefault} on ${target.object} to public`] : []
    const then = [...toPublic, `grant all on ${target.object} to ${id(target.owner)}`]
    return [revoking(target, { then: then.map((sql) => `execute ${literal(sql)}`) })]
  }
  return [revoking(target, { builtIn: true }), ...grants(target.object, acl, target.owner)]
}

/** The role that the session has set, or none: whoever restores, it need not be the role that removed. */
export const KEEP_ROLE = `select pg_catalog.set_config('unship.role', pg_catalog.current_setting('role'), true)`
export const ROLE_AS_KEPT = `select pg_catalog.set_config('role', pg_catalog.current_setting('unship.role'), true)`

/**
 * GRANT statements, in the list's order but that whoever grants has been given the option before; those by another grantor
 * are made in that role.
 */
export function grants(object: string, acl: readonly AclEntry[], owner: string, columns = ''): string[] {
  const statements: string[] = []
  for (const group of inOrderOfOptions(grouped(acl), owner)) {
    const [first] = group
    if (!first) continue
    const privileges = group.map((entry) => `${entry.privilege.toLowerCase()}${columns}`).join(', ')
    const option = first.grantable ? ' with grant option' : ''
    const grant = `grant ${privileges} on ${object} to ${grantee(first.grantee)}${option}`
    if (first.grantor === owner) statements.push(grant)
    else statements.push(KEEP_ROLE, `set local role ${id(first.grantor)}`, grant, ROLE_AS_KEPT)
  }
  return statements
}

/** Who was given the option once more, and lost the first, stands behind what he had granted by that. */
function inOrderOfOptions(groups: readonly AclEntry[][], owner: string): AclEntry[][] {
  const gives = (to: AclEntry) => (e: AclEntry) =>
    e.grantable && e.grantee === to.grantor && e.privilege === to.privilege
  const ordered: AclEntry[][] = []
  let waiting = groups
  // the option on a column may be that on its table, which is another list
  const ready = (e: AclEntry) => e.grantor === owner || ordered.flat().some(gives(e)) || !waiting.flat().some(gives(e))
  while (waiting.length > 0) {
    const now = waiting.map((group) => group.filter(ready)).find((group) => group.length > 0)
    // a list that PostgreSQL would not have made is left to it
    if (!now) return [...ordered, ...waiting]
    ordered.push(now)
    waiting = waiting.map((group) => group.filter((e) => !now.includes(e))).filter((group) => group.length > 0)
  }
  return ordered
}

function grouped(acl: readonly AclEntry[]): AclEntry[][] {
  const groups: AclEntry[][] = []
  for (const entry of acl) {
    const same = groups.find(
      ([g]) => g?.grantor === entry.grantor && g.grantee === entry.grantee && g.grantable === entry.grantable,
    )
    if (same) same.push(entry)
    else groups.push([entry])
  }
  return groups
}
