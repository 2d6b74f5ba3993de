import type { ClientBase } from 'pg'

/**
 * Tables that this role cannot read without running what a role wrote that is neither itself nor a superuser: policies are part of every
 * query, and planning one computes what it can of the expressions of indexes, statistics and partition keys.
 *
 * @returns why not, by object identifier
 */
export async function findUnread(source: ClientBase): Promise<ReadonlyMap<string, string>> {
  const { rows } = await source.query<{ oid: string; reason: string }>(UNREAD)
  return new Map(rows.map(({ oid, reason }) => [oid, reason]))
}

/** Whether a function `f` is one's own or a superuser's. */
export const TRUSTED = `(select r.rolsuper or r.rolname = current_user from pg_catalog.pg_roles r where r.oid = f.proowner)`

const UNREAD = `
  select * from (select c.oid::text as oid, case
    when pg_catalog.row_security_active(c.oid) then 'its row level security binds this role'
    else (
      select pg_catalog.format('reading it would run function %s of role %s', f.oid::pg_catalog.regprocedure,
        pg_catalog.pg_get_userbyid(f.proowner))
      from (
        select 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid
        union all select 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid
        from pg_catalog.pg_index i where i.indrelid = c.oid
        union all select 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid
        from pg_catalog.pg_statistic_ext s where s.stxrelid = c.oid) o(class, oid)
      join pg_catalog.pg_depend d on d.classid = o.class and d.objid = o.oid
      left join pg_catalog.pg_operator op
        on d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass and op.oid = d.refobjid
      join pg_catalog.pg_proc f on f.oid = case when d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        then d.refobjid else op.oprcode::pg_catalog.oid end
      where not ${TRUSTED} limit 1) end as reason
  from pg_catalog.pg_class c where c.relkind in ('r', 'p')) q where q.reason is not null`
