import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { dollarQuote, literal } from '../sql.ts'
import { OTHER_MEANING } from '../sql-states.ts'
import { reached, type Address } from './dependency.ts'

/*
 * What the words of a definition stand for was decided when it was read: the functions, operators, casts and types that PostgreSQL then
 * chose are dependences of the object. Its text does not say all of them (the operator of USING, of CASE … WHEN, of NULLIF; which of two
 * functions of one name), so the same text may be read otherwise another time and still print the same.
 */

/** What an object that is created again is bound to. */
export interface Bound {
  /** Its catalog key; of a view, that of the rule with its query. */
  readonly dependent: string
  readonly description: string
  /** Its address, as `pg_get_object_address` takes it. */
  readonly type: string
  readonly names: readonly string[]
  readonly args: readonly string[]
  /** Of a view: its identifier. */
  readonly view: string | null
  readonly bound: readonly string[]
}

/** Named by words that mean one thing, whatever else there is, are tables, columns, schemas and the like. */
const CHOSEN = [
  ...['pg_proc', 'pg_operator', 'pg_type', 'pg_cast', 'pg_collation', 'pg_opclass', 'pg_opfamily'],
  ...['pg_ts_config', 'pg_ts_dict'],
]

const dependences = (classid: string, objid: string) => `
        select d.refclassid, d.refobjid from pg_catalog.pg_depend d
        where d.classid = ${classid} and d.objid = ${objid} and d.objsubid = 0
        union all
        /* before PostgreSQL 15 these are those of the generated column */
        select d.refclassid, d.refobjid from pg_catalog.pg_attrdef f
        join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum and a.attgenerated <> ''
        join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          and d.objid = f.adrelid and d.objsubid = f.adnum and d.deptype = 'a'
        where ${classid} = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and f.oid = ${objid}`

const isChosen = `d.refobjid >= 16384 and d.refclassid in (${CHOSEN.map((name) => `'pg_catalog.${name}'::pg_catalog.regclass`).join(', ')})`

/**
 * SQL: what an object is bound to, by name, as an array; without what every database has, of which PostgreSQL keeps no account: who is bound
 * to that instead lacks what it was. A row type is the table's.
 */
export const boundTo = (classid: string, objid: string): string => `array(
    select u.name from (
      select distinct i.type || ' ' || i.identity as name from (${dependences(classid, objid)}) d
      cross join lateral pg_catalog.pg_identify_object(d.refclassid, d.refobjid, 0) i
      where ${isChosen}
        and not exists (select from pg_catalog.pg_collation c where d.refclassid = c.tableoid and c.oid = d.refobjid
          and c.collnamespace = 'pg_catalog'::pg_catalog.regnamespace /* another server may have had it from the first */)
        and not exists (select from pg_catalog.pg_type t
          join pg_catalog.pg_type e on e.oid in (t.oid, t.typelem)
          join pg_catalog.pg_class c on c.oid = e.typrelid and c.relkind <> 'c'
          where d.refclassid = t.tableoid and t.oid = d.refobjid)
    ) u order by u.name collate "C")`

/** What the given objects, and everything that hangs on them, are bound to, where they have expressions or are bound to anything. */
export const boundQuery = (roots: readonly Address[]): string => `
  select b.* from (${reached(roots)}
  select x.relname || ':' || r.objid || ':0' as dependent,
    pg_catalog.regexp_replace(pg_catalog.pg_describe_object(r.classid, r.objid, 0), '^rule "?_RETURN"? on ', '') as description,
    i.type, pg_catalog.to_jsonb(i.object_names) as names, pg_catalog.to_jsonb(i.object_args) as args,
    (select w.ev_class::text from pg_catalog.pg_rewrite w
      where x.relname = 'pg_rewrite' and w.oid = r.objid and w.rulename = '_RETURN') as view,
    case x.relname
      when 'pg_trigger' then exists (select from pg_catalog.pg_trigger t where t.oid = r.objid and t.tgqual is not null)
      when 'pg_constraint' then exists (select from pg_catalog.pg_constraint k where k.oid = r.objid and k.conbin is not null)
      when 'pg_class' then exists (select from pg_catalog.pg_index i where i.indexrelid = r.objid and (i.indexprs is not null or i.indpred is not null))
      when 'pg_proc' then exists (select from pg_catalog.pg_proc p where p.oid = r.objid and (p.prosqlbody is not null or p.pronargdefaults > 0))
      when 'pg_statistic_ext' then exists (select from pg_catalog.pg_statistic_ext s where s.oid = r.objid and s.stxexprs is not null)
      else true end as expressed,
    pg_catalog.to_jsonb(${boundTo('r.classid', 'r.objid')}) as bound
  from reached r
  join pg_catalog.pg_class x on x.oid = r.classid
    and x.relname in ('pg_rewrite', 'pg_attrdef', 'pg_policy', 'pg_trigger', 'pg_constraint', 'pg_class', 'pg_proc', 'pg_statistic_ext')
  left join pg_catalog.pg_class c on x.relname = 'pg_class' and c.oid = r.objid
  cross join lateral pg_catalog.pg_identify_object_as_address(r.classid, r.objid, 0) i
  where r.objsubid = 0 and (c.relkind is null or c.relkind in ('i', 'I'))
    /* not the triggers of a removal that broke off, which takes them away itself */
    and not exists (select from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
      where x.relname = 'pg_trigger' and t.oid = r.objid and p.pronamespace = pg_catalog.to_regnamespace('${LEDGER_SCHEMA}'))) b
  where b.expressed or b.bound <> '[]'
  /* the same in every database: the plan's fingerprint is over it */
  order by b.type collate "C", b.names::text collate "C", b.args::text collate "C"`

/** SQL: in words what one of two arrays of `boundTo` has and the other has not; null where they are the same. */
export const differenceOf = (before: string, now: string): string => {
  const only = (words: string, a: string, b: string) =>
    `(select '${words} ' || pg_catalog.string_agg(u.name, ', ') from (
      select pg_catalog.unnest(${a}) except select pg_catalog.unnest(${b}) order by 1) u(name))`
  return `nullif(pg_catalog.concat_ws(', ', ${only('without', before, now)}, ${only('with', now, before)}), '')`
}

export const textArray = (texts: readonly string[]): string => `array[${texts.map(literal).join(', ')}]::text[]`

/**
 * A statement that fails where what has been created again is bound to something else than it was. What is not there is not judged: it
 * is built later, or belonged to a partition that has gone. It runs while others wait, hence asks once for all.
 */
export function demandBound(objects: readonly Bound[]): string {
  const asked = objects.map(({ description, type, names, args, bound }) => ({
    ...{ what: description, type, names, args, bound },
  }))
  const body = `
declare
  asked pg_catalog.json := ${literal(JSON.stringify(asked))};
  one record;
  class pg_catalog.oid;
  id pg_catalog.oid;
  classes pg_catalog.oid[] := '{}';
  ids pg_catalog.oid[] := '{}';
  other record;
begin
  for one in select * from pg_catalog.json_to_recordset(asked) as (type text, names text[], args text[]) loop
    begin
      select a.classid, a.objid into class, id from pg_catalog.pg_get_object_address(one.type, one.names, one.args) a;
    exception when undefined_object or undefined_table or undefined_column or undefined_function or wrong_object_type then
      id := null;
    end;
    classes := classes || class;
    ids := ids || id;
  end loop;
${
  objects.some(({ bound }) => bound.length > 0)
    ? ''
    : `  -- most are bound to nothing, and nearly all that it takes is to plan what follows
  if not exists (select from rows from (pg_catalog.unnest(classes), pg_catalog.unnest(ids)) as o(classid, objid)
    cross join lateral (${dependences('o.classid', 'o.objid')}) d where ${isChosen}) then
    return;
  end if;
`
}  with now as materialized (
    select o.what, o.bound, ${boundTo('o.classid', 'o.objid')} as now
    from rows from (pg_catalog.json_to_recordset(asked) as (what text, bound text[]), pg_catalog.unnest(classes), pg_catalog.unnest(ids))
      as o(what, bound, classid, objid)
    where o.objid is not null)
  select n.what, ${differenceOf('n.bound', 'n.now')} as difference into other from now n where n.now <> n.bound limit 1;
  if found then
    raise exception using message = other.what || ' would mean something else than before', errcode = '${OTHER_MEANING}',
      detail = 'The same words would be read ' || other.difference || '. Nothing has appeared.';
  end if;
end`
  return `do ${dollarQuote(body, 'bound')}`
}
