/** An object identifier, as text: catalog rows travel as JSON. */
export type Oid = string

/** The objects whose catalog rows are read. */
export interface Scope {
  readonly relations: readonly Oid[]
  readonly routines: readonly Oid[]
  readonly types: readonly Oid[]
}

/** One privilege of an access control list, in the list's order. */
export interface AclEntry {
  readonly grantor: string
  /** null is PUBLIC. */
  readonly grantee: string | null
  readonly privilege: string
  readonly grantable: boolean
}

/** null: never changed, the built-in default applies. */
export type Acl = readonly AclEntry[] | null

/** `'{1,2}'::oid[]`; only digits get through. */
export function oidArray(oids: readonly Oid[]): string {
  for (const oid of oids) if (!/^\d+$/.test(oid)) throw new Error(`not an object identifier: ${oid}`)
  return `'{${oids.join(',')}}'::pg_catalog.oid[]`
}

export function aclJson(acl: string): string {
  return `case when ${acl} is not null then coalesce((
    select pg_catalog.json_agg(pg_catalog.json_build_object(
      'grantor', pg_catalog.pg_get_userbyid(a.grantor),
      'grantee', case a.grantee when 0 /* public */ then null else pg_catalog.pg_get_userbyid(a.grantee) end,
      'privilege', a.privilege_type,
      'grantable', a.is_grantable) order by a.n)
    from pg_catalog.aclexplode(${acl}) with ordinality a(grantor, grantee, privilege_type, is_grantable, n)
  ), '[]') end`
}

/**
 * SQL to order relations by, which gives the same order in every database that has them: identifiers tell in which order they were
 * created, and a dump creates them in another one. (Names have the collation "C".)
 */
export const relationOrder = (oid: string): string => `(
    select array[n.nspname, c.relname] from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = ${oid})`

/** Whether the object belongs to an extension or wears a security label: neither can be recreated. */
export function strings(catalog: string, oid: string, subid = '0'): string {
  return `coalesce((select pg_catalog.json_agg(e.extname) from pg_catalog.pg_depend x
    join pg_catalog.pg_extension e on e.oid = x.refobjid
    where x.classid = '${catalog}'::pg_catalog.regclass and x.objid = ${oid}
      and x.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and x.deptype in ('e', 'x')), '[]') as extensions,
    exists (select from pg_catalog.pg_seclabel l
      where l.classoid = '${catalog}'::pg_catalog.regclass and l.objoid = ${oid}${subid === '0' ? '' : ` and l.objsubid = ${subid}`}) as labelled`
}

/** Columns that `strings` adds to a row. */
export interface Strings {
  readonly extensions: readonly string[]
  readonly labelled: boolean
}

/** SQL: the table whose rows a type is, an array or a domain of. */
export const tableOfType = (type: string): string => `(
      select o.typrelid from pg_catalog.pg_type t join pg_catalog.pg_type o on o.oid in (t.oid, t.typelem, t.typbasetype) and o.typrelid <> 0
      where t.oid = ${type})`
