import { oidArray, type Oid } from './fragments.ts'

/** A definition that speaks of a table's row type. */
export interface RowUser {
  /** Of its catalog row. */
  readonly catalog: string
  readonly objid: Oid
  readonly host: Oid
  /** As `pg_describe_object` words it. */
  readonly description: string
  readonly text: string
}

/** What speaks of the row types of some tables, as it is printed. */
export const rowUserQuery = (tables: readonly Oid[]): string => `
  select u.* from (
    select distinct c.relname as catalog, d.objid, t.typrelid as host,
      pg_catalog.pg_describe_object(d.classid, d.objid, 0) as description,
      case c.relname
        when 'pg_rewrite' then pg_catalog.pg_get_ruledef(d.objid)
        when 'pg_trigger' then pg_catalog.pg_get_triggerdef(d.objid)
        when 'pg_constraint' then pg_catalog.pg_get_constraintdef(d.objid)
        when 'pg_class' then pg_catalog.pg_get_indexdef(d.objid)
        when 'pg_attrdef' then (select pg_catalog.pg_get_expr(f.adbin, f.adrelid) from pg_catalog.pg_attrdef f where f.oid = d.objid)
        when 'pg_policy' then (select pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
          from pg_catalog.pg_policy p where p.oid = d.objid)
        when 'pg_proc' then (select pg_catalog.concat_ws(' ', pg_catalog.pg_get_function_arguments(p.oid), pg_catalog.pg_get_function_sqlbody(p.oid))
          from pg_catalog.pg_proc p where p.oid = d.objid)
      end as text
    from pg_catalog.pg_type t
    join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.refobjid in (t.oid, t.typarray)
    join pg_catalog.pg_class c on c.oid = d.classid
    where t.typrelid = any (${oidArray(tables)})
  ) u where u.text is not null`
