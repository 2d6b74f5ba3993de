import { hiddenName } from '../../names.ts'
import { dollarQuote, literal } from '../../sql.ts'
import { NOT_YET, REFERRED_TO } from '../../sql-states.ts'

/*
 * While a feature is away no foreign key of its refers to a backup, but others may have made some: what is set aside before the reveal
 * may not be referred to at all.
 *
 * After the reveal, foreign keys refer to a returned table again, with their actions: what is set aside there would take rows of
 * others along, or their references, which nothing keeps. So the keys that refer to such rows are dropped, and are there again,
 * NOT VALID as before, at the end of the same transaction. Rows that have lost their parent by it are the next to be set aside,
 * as they are before the reveal.
 *
 * No table that refers is read while others wait for a lock. Keys that are dropped need not be looked for. For the others that is done ahead:
 * rows that are locked nobody comes to refer to, so under the lock it is enough that the keys are the same.
 */

/** Where the look ahead leaves which keys there were. */
const LOOKED_FOR = 'unship.looked_for'

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
    select k.oid, k.conrelid, k.confrelid, not k.convalidated and pg_catalog.pg_has_role(c.relowner, 'USAGE') as droppable, k.conname as name, k.conrelid::pg_catalog.regclass as child, ${READABLE} as readable,
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

/** A key that refers to a table. */
export interface ReferringKey {
  readonly name: string
  readonly child: string
  /** It holds for new rows alone, and its table is ours: it can be dropped and added again. */
  readonly droppable: boolean
  /** How much is read to find the rows that refer to one: 0 with an index. */
  readonly blocks: number
}

/** A query of the `ReferringKey`s of tables. */
export const referringKeys = (tree: string): string =>
  `select k.name, k.child::text, k.droppable, case when exists (
       select from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid join pg_catalog.pg_am m on m.oid = x.relam
       where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null and m.amname in ('btree', 'hash')
         and i.indkey[0] = any ((select c.conkey from pg_catalog.pg_constraint c where c.oid = k.oid)::pg_catalog.int2[]))
     then 0 else (pg_catalog.pg_relation_size(k.conrelid) + (
       select coalesce(pg_catalog.sum(pg_catalog.pg_relation_size(t.relid)), 0) from pg_catalog.pg_partition_tree(k.conrelid) t
       where t.relid <> k.conrelid)) / pg_catalog.current_setting('block_size')::int end::int as blocks
   from (${referringTo(tree)}) k`

/** A key that refers to a table, and how rows `t` of its own table are told that refer to rows `p` of the other. */
export interface KeyThatRefers {
  readonly name: string
  readonly child: string
  readonly inherits: string
  readonly equal: string
  readonly readable: boolean
}

/** A query of the `KeyThatRefers` to tables. */
export const keysThatRefer = (tree: string): string =>
  `select k.name, k.child::text, k.inherits, k.equal, k.readable from (${referringTo(tree)}) k`

/** SQL: whether rows refer by a key to some, given as SQL for a table of them. Those that a session of ours may not read do, if there are such rows. */
export const referTo = ({ child, inherits, equal, readable }: KeyThatRefers, rows: string): string =>
  readable ? `exists (select from ${rows} p, ${inherits}${child} t where ${equal})` : `exists (select from ${rows} p)`

/** A query of the tables that keys tie which can be dropped: those that refer, and those that they refer to. */
export const tablesTiedTo = (tree: string): string =>
  `select distinct n.nspname as schema, c.relname as name, c.relkind = 'p' as partitioned
   from (${referringTo(tree)}) k, pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where k.droppable and c.oid in (k.conrelid, k.confrelid) order by 1, 2`

/** A condition: there are such keys. */
export const areReferredTo = (tree: string): string => `exists (${referringTo(tree)})`

export const REFERRING_VARIABLES = `
  referring record;
  referred boolean;
  looked_for text := '';
  dropped pg_catalog.jsonb[] := '{}';
  one pg_catalog.jsonb;`

interface Referred {
  /** The rows that are to go, of which `orphaned_in` and `orphaned_at` say which; they must be locked. */
  readonly rows: string
  readonly tree: string
  /** Whether keys are dropped that can be, or else rows may not be referred to at all. */
  readonly drop: boolean
}

/** PL/pgSQL, within a loop over the keys: an error where rows refer by this one. */
const demandNone = ({ rows }: Referred): string => `
      referred := not referring.readable;
      if not referred then
        execute pg_catalog.format('select exists (select from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as d(relation, at), %s p, %s%s t
          where p.tableoid = d.relation and p.ctid = d.at and %s)', ${literal(rows)}, referring.inherits, referring.child, referring.equal)
        into referred using orphaned_in, orphaned_at;
      end if;
      if referred then
        raise exception 'foreign key % of % refers to rows that have no place', referring.name, referring.child using errcode = '${REFERRED_TO}';
      end if;`

const REMEMBER = `looked_for := pg_catalog.concat(looked_for, ' ', referring.oid, referring.droppable);`

/** Looks for rows that refer, before there are locks that others wait for. An error where there are any by a key that stays. */
export const lookForReferring = (
  of: Referred & { readonly found: { readonly in: string; readonly at: string } },
): string => {
  const body = `
declare
  orphaned_in pg_catalog.oid[] := pg_catalog.current_setting(${literal(of.found.in)});
  orphaned_at pg_catalog.tid[] := pg_catalog.current_setting(${literal(of.found.at)});${REFERRING_VARIABLES}
begin
    for referring in ${referringTo(of.tree)} loop
      ${REMEMBER}
      continue when pg_catalog.cardinality(orphaned_in) = 0 or ${String(of.drop)} and referring.droppable;${demandNone(of)}
    end loop;
    perform pg_catalog.set_config('${LOOKED_FOR}', looked_for, true);
end`
  return `do ${dollarQuote(body, 'referring')}`
}

/**
 * PL/pgSQL: drops the keys that can be. Rows that refer by others are looked for, unless that was done ahead, when the keys have to be
 * the same still.
 */
export const dropReferring = ({ looked, ...of }: Referred & { readonly looked: boolean }): string => `
    for referring in ${referringTo(of.tree)} loop
      ${REMEMBER}
      if not (${String(of.drop)} and referring.droppable) then${looked ? '' : demandNone(of)}
        continue;
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
    end loop;${
      looked
        ? `
    if looked_for <> pg_catalog.current_setting('${LOOKED_FOR}') then
      raise exception 'foreign keys came or went since rows that refer were looked for' using errcode = '${NOT_YET}';
    end if;`
        : ''
    }
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
