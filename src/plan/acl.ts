import type { Acl, AclEntry } from '../catalog/fragments.ts'
import { dollarQuote, id, literal } from '../sql.ts'

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
}

const grantee = (name: string | null) => (name === null ? 'public' : id(name))

/** Takes every privilege of others than the owner away, whoever granted it. */
export function revokeFromOthers(target: AclTarget): string {
  return revoking(target, `and a.grantee <> o.${ownerColumn(target)}`, '', target.publicDefault !== null)
}

const ownerColumn = (target: AclTarget) =>
  target.catalog === 'pg_class' ? 'relowner' : target.catalog === 'pg_proc' ? 'proowner' : 'typowner'

/** What ACLDEFAULT calls the kind of object. */
const defaultKind = ({ catalog, object }: AclTarget) =>
  catalog === 'pg_proc' ? 'f' : catalog === 'pg_type' ? 'T' : object.startsWith('sequence ') ? 's' : 'r'

/** @param builtIn takes away too what an object without a list gives by default */
function revoking(target: AclTarget, condition: string, then = '', builtIn = false): string {
  const list = builtIn
    ? `coalesce(o.${target.aclColumn}, pg_catalog.acldefault('${defaultKind(target)}', o.${ownerColumn(target)}))`
    : `o.${target.aclColumn}`
  const columns =
    target.catalog === 'pg_class'
      ? `union select a.grantee from pg_catalog.pg_class o
        join pg_catalog.pg_attribute m on m.attrelid = o.oid and not m.attisdropped
        cross join lateral pg_catalog.aclexplode(m.attacl) a where o.oid = ${target.oid} ${condition}`
      : ''
  const body = `
declare role pg_catalog.oid;
begin
  for role in
    select a.grantee from pg_catalog.${target.catalog} o cross join lateral pg_catalog.aclexplode(${list}) a
      where o.oid = ${target.oid} ${condition} ${columns}
  loop
    execute pg_catalog.format('revoke all on %s from %s cascade', ${literal(target.object)},
      case role when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(role)) end);
  end loop;${then}
end`
  return `do ${dollarQuote(body, 'acl')}`
}

/**
 * The statements that give an object exactly this list, in this order, whatever
 * default privileges gave it when it was created.
 */
export function setAcl(target: AclTarget, acl: Acl, actingRole: string): string[] {
  if (acl === null) {
    const toPublic = target.publicDefault
      ? `\n    execute ${literal(`grant ${target.publicDefault} on ${target.object} to public`)};`
      : ''
    const then = `
  if (select o.${target.aclColumn} is not null from pg_catalog.${target.catalog} o where o.oid = ${target.oid}) then${toPublic}
    execute ${literal(`grant all on ${target.object} to ${id(target.owner)}`)};
  end if;`
    return [revoking(target, '', then)]
  }
  return [revoking(target, '', '', true), ...grants(target.object, acl, target.owner, actingRole)]
}

/** GRANT statements in the list's order; those by another grantor are made in that role. */
export function grants(
  object: string,
  acl: readonly AclEntry[],
  owner: string,
  actingRole: string,
  columns = '',
): string[] {
  const statements: string[] = []
  for (const group of grouped(acl)) {
    const [first] = group
    if (!first) continue
    const privileges = group.map((entry) => `${entry.privilege.toLowerCase()}${columns}`).join(', ')
    const option = first.grantable ? ' with grant option' : ''
    const grant = `grant ${privileges} on ${object} to ${grantee(first.grantee)}${option}`
    if (first.grantor === owner) statements.push(grant)
    else statements.push(`set local role ${id(first.grantor)}`, grant, `set local role ${id(actingRole)}`)
  }
  return statements
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
