/** A function that filling a table runs, or checks the right to run, and that the session may not execute. */
export interface Uncallable {
  /** Catalog key of the check, trigger, index or default that calls it. */
  readonly dependent: string
  /** As GRANT calls it. */
  readonly routine: string
}

/**
 * An UPDATE asks for the right to execute whatever checks, indexes, generated columns and the WHEN of its triggers call, whether or
 * not it comes to that. CREATE TRIGGER asks for that to execute its function: a stand-in is made of each such trigger.
 *
 * @param tables a query of their oids; their partitions are among them
 */
export const uncallableQuery = (tables: string): string => `
  select distinct x.relname || ':' || e.objid || ':0' as dependent, d.refobjid::pg_catalog.regprocedure::text as routine
  from (
    select o.oid from (${tables}) o(oid)
    union select p.relid::pg_catalog.oid from (${tables}) o(oid) cross join lateral pg_catalog.pg_partition_tree(o.oid) p
  ) t(relid)
  cross join lateral (
    select 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid, k.oid
    from pg_catalog.pg_constraint k where k.conrelid = t.relid and k.contype = 'c'
    union all select 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid from pg_catalog.pg_index i where i.indrelid = t.relid
    union all select 'pg_catalog.pg_attrdef'::pg_catalog.regclass, f.oid
    from pg_catalog.pg_attrdef f join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
    where f.adrelid = t.relid and a.attgenerated = 's'
    union all select 'pg_catalog.pg_trigger'::pg_catalog.regclass, g.oid from pg_catalog.pg_trigger g
    where g.tgrelid = t.relid and not g.tgisinternal and g.tgenabled <> 'D'
      and g.tgtype & 16 /* update */ <> 0 and pg_catalog.cardinality(g.tgattr::pg_catalog.int2[]) = 0
  ) e(classid, objid)
  join pg_catalog.pg_class x on x.oid = e.classid
  join pg_catalog.pg_depend d on d.classid = e.classid and d.objid = e.objid and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  where not pg_catalog.has_function_privilege(d.refobjid, 'EXECUTE') order by 2`
