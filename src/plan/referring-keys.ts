import { hiddenName } from '../names.ts'
import { literal } from '../sql.ts'
import { REFERRED_TO } from '../sql-states.ts'

/*
 * After the reveal, foreign keys refer to a returned table again, with their actions: what is set aside there would take rows of
 * others along, or their references, which nothing keeps. So the keys that refer to such rows are dropped, and are there again,
 * NOT VALID as before, at the end of the same transaction. Rows that have lost their parent by it are the next to be set aside,
 * as they are before the reveal.
 */

/** Whether a session of ours sees all rows that may refer. */
const READABLE = `pg_catalog.has_table_privilege(k.conrelid, 'SELECT') and not pg_catalog.row_security_active(k.conrelid)`

/**
 * A query of the enforced foreign keys that refer to tables, given as SQL for an array of them: as they were declared, not the
 * parts that PostgreSQL keeps of them for each partition.
 */
const referringTo = (tree: string): string => `
    with recursive up(oid, above) as (
      select k.oid, k.conparentid from pg_catalog.pg_constraint k where k.contype = 'f' and k.confrelid = any (${tree})
      union
      select k.oid, k.conparentid from up join pg_catalog.pg_constraint k on k.oid = up.above
    )
    select k.oid, k.conrelid, k.confrelid, k.convalidated as valid, k.conname as name, k.conrelid::pg_catalog.regclass as child, ${READABLE} as readable,
      case c.relkind when 'p' then '' else 'only ' end as inherits,
      pg_catalog.pg_get_constraintdef(k.oid) as definition, pg_catalog.obj_description(k.oid, 'pg_constraint') as comment,
      (select pg_catalog.string_agg(pg_catalog.format('p.%I operator(%I.%s) t.%I', p.attname, n.nspname, o.oprname, a.attname), ' and ')
       from rows from (pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.conpfeqop)) as x(referenced, referring, equal)
       join pg_catalog.pg_attribute p on p.attrelid = k.confrelid and p.attnum = x.referenced
       join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.referring
       join pg_catalog.pg_operator o on o.oid = x.equal join pg_catalog.pg_namespace n on n.oid = o.oprnamespace) as equal
    from up join pg_catalog.pg_constraint k on k.oid = up.oid join pg_catalog.pg_class c on c.oid = k.conrelid
    where up.above = 0 and coalesce(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true'
    order by k.conrelid, k.conname`

/** A query of the tables that such keys tie: those that refer, and those that they refer to. */
export const tablesTiedTo = (tree: string): string =>
  `select distinct n.nspname as schema, c.relname as name, c.relkind = 'p' as partitioned
   from (${referringTo(tree)}) k, pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where c.oid in (k.conrelid, k.confrelid) order by 1, 2`

/** A condition: there are such keys. */
export const areReferredTo = (tree: string): string => `exists (${referringTo(tree)})`

export const REFERRING_VARIABLES = `
  referring record;
  referred boolean;
  dropped pg_catalog.jsonb[] := '{}';
  one pg_catalog.jsonb;`

/**
 * PL/pgSQL: looks for rows that refer to those at `orphaned_in`, `orphaned_at`, which must be locked. It raises an error where there
 * are any, or drops the keys by which they refer; those that hold for every row would not hold any more, and are an error in any case.
 */
export const dropReferring = (of: { readonly rows: string; readonly tree: string; readonly drop: boolean }): string => `
    for referring in ${referringTo(of.tree)} loop
      referred := not referring.readable;
      if not referred then
        execute pg_catalog.format('select exists (select from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as d(relation, at), %s p, %s%s t
          where p.tableoid = d.relation and p.ctid = d.at and %s)', ${literal(of.rows)}, referring.inherits, referring.child, referring.equal)
        into referred using orphaned_in, orphaned_at;
      end if;
      continue when not referred;
      if referring.valid or not ${String(of.drop)} then
        raise exception 'foreign key % of % refers to rows that have no place', referring.name, referring.child using errcode = '${REFERRED_TO}';
      end if;
      dropped := dropped || pg_catalog.jsonb_build_object('child', referring.child::text, 'name', referring.name,
        'definition', referring.definition, 'comment', referring.comment, 'parts', (
          with recursive part(oid) as (
            select referring.oid
            union all
            select k.oid from part join pg_catalog.pg_constraint k on k.conparentid = part.oid
          )
          select pg_catalog.jsonb_object_agg(k.confrelid::text, k.conname) from part join pg_catalog.pg_constraint k on k.oid = part.oid
          where k.oid <> referring.oid and k.conrelid = referring.conrelid));
    end loop;
    foreach one in array dropped loop
      execute pg_catalog.format('alter table %s drop constraint %I', one ->> 'child', one ->> 'name');
    end loop;`

/** PL/pgSQL: the keys are there again, for every change from now on; so are the names of what PostgreSQL keeps for partitions. */
export const ADD_REFERRING = `
    foreach one in array dropped loop
      execute pg_catalog.format('alter table %s add constraint %I %s', one ->> 'child', one ->> 'name', one ->> 'definition');
      if one ->> 'comment' is not null then
        execute pg_catalog.format('comment on constraint %I on %s is %L', one ->> 'name', one ->> 'child', one ->> 'comment');
      end if;
      continue when one -> 'parts' = 'null';
      /* swapped names are why all are given passing names first */
      for pass in 1 .. 2 loop
        for referring in
          with recursive part(oid) as (
            select k.oid from pg_catalog.pg_constraint k
            where k.contype = 'f' and k.conrelid = (one ->> 'child')::pg_catalog.regclass and k.conname = one ->> 'name'
            union all
            select k.oid from part join pg_catalog.pg_constraint k on k.conparentid = part.oid
          )
          select k.conname as present, case pass when 1 then ${literal(hiddenName(''))} || k.confrelid else one -> 'parts' ->> k.confrelid::text end as name
          from part join pg_catalog.pg_constraint k on k.oid = part.oid
          where k.conrelid = (one ->> 'child')::pg_catalog.regclass and one -> 'parts' ? k.confrelid::text and k.conparentid <> 0
        loop
          execute pg_catalog.format('alter table only %s rename constraint %I to %I', one ->> 'child', referring.present, referring.name);
        end loop;
      end loop;
    end loop;`
