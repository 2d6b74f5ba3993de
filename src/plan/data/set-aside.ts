import { ALL_IMMEDIATE } from '../deferred.ts'
import { dollarQuote, id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { revokeFromOthers } from '../objects/acl.ts'
import { backedUp, onKey } from './backup.ts'
import { shown } from '../model.ts'
import type { HostPlan, MovedForeignKey } from '../plan.ts'
import { ADD_REFERRING, dropReferring, lookForReferring, REFERRING_VARIABLES } from './referring-keys.ts'
import { rowsOf } from '../tree.ts'

/** Where a statement of ours leaves how many rows it has set aside. */
export const SET_ASIDE_COUNT = 'unship.set_aside'

/** Where it leaves which rows are to be set aside: the relations and the places of a few. */
const FOUND_IN = 'unship.orphaned_in'
const FOUND_AT = 'unship.orphaned_at'

/** So many are set aside while a lock is held. */
export const AT_ONCE = 1000

/** How a column of a foreign key is compared with what it refers to. */
export interface Comparison {
  /** By this collation, `schema.name`: null where both columns have the same, or none. */
  readonly collation: string | null
  /** As this type: null where it is not cast. */
  readonly type: string | null
}

/** A foreign key of a returning table, with the names that both its tables have at the moment. */
export interface Orphans {
  readonly key: MovedForeignKey
  readonly child: QualifiedName
  readonly parent: QualifiedName
  /** For each column of the key. */
  readonly comparisons: readonly Comparison[]
  /** The parent's rows, where columns that the key refers to are not there yet. */
  readonly parents: string | null
  /** The child is partitioned: its rows are those of its partitions. */
  readonly partitioned: boolean
}

/** The rows of a partitioned table are in its partitions; those that inherit from a table are not its own. */
export const onlyIn = ({ partitioned }: Pick<Orphans, 'partitioned'>): string => (partitioned ? '' : 'only ')

/** SQL: an array of a table and its partitions. */
export const treeOf = (table: QualifiedName, partitioned: boolean): string => {
  const reference = `${literal(qualified(table))}::pg_catalog.regclass`
  return partitioned
    ? `array(select p.relid::pg_catalog.oid from pg_catalog.pg_partition_tree(${reference}) p)`
    : `array[${reference}::pg_catalog.oid]`
}

/**
 * As PostgreSQL checks a foreign key: what inherits from the parent does not count, but its partitions do. Whether it has any is asked
 * now: a partitioned table may have come in its place, or gone.
 */
const ownRow = (parent: QualifiedName): string => {
  const oid = `${literal(qualified(parent))}::pg_catalog.regclass::pg_catalog.oid`
  return `(p.tableoid = ${oid} or (select c.relkind = 'p' from pg_catalog.pg_class c where c.oid = ${oid}))`
}

/** A condition on rows `t` of the child: they refer to a parent that is not there. */
export function orphaned({
  key,
  parent,
  parents,
  comparisons,
}: Pick<Orphans, 'key' | 'parent' | 'parents' | 'comparisons'>): string {
  const equal = key.columns.map((c, i) => {
    const { collation = null, type = null } = comparisons[i] ?? {}
    const value = type === null ? `t.${id(c)}` : `cast(t.${id(c)} as ${type})`
    return `p.${id(key.referencedColumns[i] ?? '')} ${key.equalities?.[i] ?? '='} ${value}${collation === null ? '' : ` collate ${collation}`}`
  })
  const given = key.columns.map((c) => `t.${id(c)} is not null`).join(' and ')
  const from = `from ${parents ?? qualified(parent)} p where ${[...equal, ...(parents ? [] : [ownRow(parent)])].join(' and ')}`
  // the last of these says that a period overlaps; they must cover it together, which PostgreSQL 18.4 does not ask when it validates
  if (key.period)
    return `${given} and not coalesce(t.${id(key.columns.at(-1) ?? '')} operator(pg_catalog.<@)
      (select pg_catalog.range_agg(p.${id(key.referencedColumns.at(-1) ?? '')}) ${from}), false)`
  return `${given} and not exists (select ${from})`
}

/**
 * The rows of a host table with the removed columns that a foreign key refers to, before these are back: what is in the
 * backup, and in the others what ADD COLUMN gives. null where the key refers to columns that stayed.
 */
export function restoredParents(host: HostPlan, key: MovedForeignKey): string | null {
  const [first = ''] = host.key
  const removed = (name: string) => host.columns.find((c) => c.name === name)
  if (!key.referencedColumns.some(removed)) return null
  const columns = key.referencedColumns.map((name) => {
    const blank = removed(name)?.blank
    return blank === undefined
      ? `h.${id(name)}`
      : `case when b.${id(first)} is null then ${blank} else b.${id(name)} end as ${id(name)}`
  })
  return `(select ${columns.join(', ')} from ${rowsOf(host)} h left join ${backedUp(host)} b on ${onKey(host, 'b', 'h')})`
}

/** Locks some of the child's orphans, so that they stay what they are, and leaves where they lie to the statement that sets them aside. */
export const findOrphans = (orphans: Orphans, atOnce = AT_ONCE): string =>
  `select pg_catalog.set_config('${FOUND_IN}', coalesce(pg_catalog.array_agg(o.tableoid), '{}')::text, true),
  pg_catalog.set_config('${FOUND_AT}', coalesce(pg_catalog.array_agg(o.ctid), '{}')::text, true)
from (select t.tableoid, t.ctid from ${onlyIn(orphans)}${qualified(orphans.child)} t where ${orphaned(orphans)} limit ${String(atOnce)} for update of t) o`

/** Looks for rows that refer to those, when they are locked. */
export const findReferring = (orphans: Orphans, referring: 'dropped' | 'refused'): string =>
  lookForReferring({ ...referred(orphans, referring), found: { in: FOUND_IN, at: FOUND_AT } })

const referred = (orphans: Orphans, referring: 'dropped' | 'refused') => ({
  rows: `${onlyIn(orphans)}${qualified(orphans.child)}`,
  tree: treeOf(orphans.child, orphans.partitioned),
  drop: referring === 'dropped',
})

/**
 * SQL: what the statement will ask for to pass over triggers and rules of the child: the mode of a lock, or null; and whether row
 * level security binds its owner.
 */
export const demandsOf = (orphans: Orphans): string => {
  const child = `${literal(qualified(orphans.child))}::pg_catalog.regclass`
  const tree = `any (${treeOf(orphans.child, orphans.partitioned)})`
  return `select c.relforcerowsecurity as forced, case
    when exists (select from pg_catalog.pg_rewrite r where r.ev_class = ${tree} and r.ev_enabled <> 'D') then 'access exclusive'
    when exists (select from pg_catalog.pg_trigger t where t.tgrelid = ${tree} and t.tgenabled <> 'D'
      and (not t.tgisinternal or t.tgparentid <> 0 and t.tgconstrindid = 0)) then 'share row exclusive' end as mode
  from pg_catalog.pg_class c where c.oid = ${child}`
}

/**
 * One statement that keeps the child's orphans as they are in a table of their own, and
 * does with them what their foreign key says: on delete set null or set default
 * changes the reference, if the row may be so; else the row goes.
 *
 * Triggers and rules of the child are passed over: they are the application's
 * answer to the application's changes. Row level security that binds the owner
 * is too, or rows would be missed. Foreign keys that refer to the rows act on
 * rows of others, unless `referring` says what is done about them.
 */
export function setAsideStatement(
  orphans: Orphans,
  aside: {
    readonly name: QualifiedName
    readonly of: QualifiedName
    readonly reason: string
    /** Records it, given an expression for the number of rows. */
    readonly event: (rows: string) => string
    /** Seals the child again. */
    readonly seal: string | undefined
    /** Which rows they are was found by `findOrphans`, in the same transaction. */
    readonly found?: boolean
    /** Of a host table: its rows stay, without their reference, and these columns are kept of them. */
    readonly columns?: readonly string[]
    /** Keys refer to the child again: whether those by which rows do may be dropped for it, or else it is an error. */
    readonly referring?: 'dropped' | 'refused' | undefined
  },
): string {
  const { key, child } = orphans
  const { referring } = aside
  const only = onlyIn(orphans)
  const table = qualified(child)
  const name = qualified(aside.name)
  const condition = orphaned(orphans)
  const reference = `${literal(table)}::pg_catalog.regclass`
  const owned = revokeFromOthers({
    object: `table ${name}`,
    catalog: 'pg_class',
    aclColumn: 'relacl',
    oid: `${literal(name)}::pg_catalog.regclass::pg_catalog.oid`,
    owner: '',
    publicDefault: null,
  })
  const found = (at: string) =>
    `rows from (pg_catalog.unnest(${at}_in), pg_catalog.unnest(${at}_at)) as d(relation, at)`
  const isFound = 't.tableoid = d.relation and t.ctid = d.at'
  const remove = `delete from ${only}${table} t using ${found('orphaned')} where ${isFound}`
  const columns = key.setColumns?.length ? key.setColumns : key.columns
  const emptied = `update ${only}${table} t set ${columns.map((c) => `${id(c)} = null`).join(', ')} from ${found('orphaned')} where ${isFound}`
  const kept = aside.columns?.map((c) => `t.${id(c)}`).join(', ') ?? 't.*'
  // a default may have no parent either
  const change = `begin
      with changed as (
        update ${only}${table} t set ${columns.map((c) => `${id(c)} = ${key.onDelete === 'set null' ? 'null' : 'default'}`).join(', ')}
        from ${found('orphaned')} where ${isFound} returning t.tableoid, t.ctid
      )
      select pg_catalog.array_agg(changed.tableoid), pg_catalog.array_agg(changed.ctid) into changed_in, changed_at from changed;
      delete from ${only}${table} t using ${found('changed')} where ${isFound} and ${condition};
    exception when integrity_constraint_violation then
      ${remove};
    end`
  const body = `
declare
  orphans bigint;
  orphaned_in pg_catalog.oid[];
  orphaned_at pg_catalog.tid[];
  changed_in pg_catalog.oid[];
  changed_at pg_catalog.tid[];
  reason text := 'unship_reason';
  forced boolean := (select c.relforcerowsecurity from pg_catalog.pg_class c where c.oid = ${reference});
  tree pg_catalog.oid[] := ${treeOf(child, orphans.partitioned)};
  off text[];
  back text[];
  command text;${referring === undefined ? '' : REFERRING_VARIABLES}
begin${
    referring === undefined
      ? ''
      : `
  /* no key comes between the look at them and the change */
  lock table ${only}${table} in row exclusive mode;`
  }
  select
    pg_catalog.array_agg(pg_catalog.format('alter table only %s disable %s %I', o.relation, o.kind, o.name)),
    pg_catalog.array_agg(pg_catalog.format('alter table only %s enable %s %s %I', o.relation,
      case o.enabled when 'A' then 'always' when 'R' then 'replica' else '' end, o.kind, o.name))
  into off, back
  from (
    /* the copies that partitions have of a row trigger count as internal in PostgreSQL 14 */
    select 'trigger' as kind, t.tgname as name, t.tgenabled as enabled, t.tgrelid::pg_catalog.regclass as relation
    from pg_catalog.pg_trigger t where t.tgrelid = any (tree) and (not t.tgisinternal or t.tgparentid <> 0 and t.tgconstrindid = 0)
    union all
    select 'rule', r.rulename, r.ev_enabled, r.ev_class::pg_catalog.regclass from pg_catalog.pg_rewrite r where r.ev_class = any (tree)
  ) o where o.enabled <> 'D';
  if forced then
    execute ${literal(`alter table ${table} no force row level security`)};
  end if;
  /* all that follows is done with these rows: other parents may go meanwhile */
  ${
    aside.found === true
      ? `orphaned_in := pg_catalog.current_setting('${FOUND_IN}');
  orphaned_at := pg_catalog.current_setting('${FOUND_AT}');
  orphans := pg_catalog.cardinality(orphaned_in);`
      : `select pg_catalog.count(*), pg_catalog.array_agg(o.tableoid), pg_catalog.array_agg(o.ctid) into orphans, orphaned_in, orphaned_at
  from (select t.tableoid, t.ctid from ${only}${table} t where ${condition} for update of t) o;`
  }
  if orphans > 0 then
    ${ALL_IMMEDIATE};${referring === undefined ? '' : dropReferring({ ...referred(orphans, referring), looked: aside.found === true })}
    foreach command in array coalesce(off, '{}') loop execute command; end loop;
    if pg_catalog.to_regclass(${literal(name)}) is null then
      create table ${name} as select ${kept} from ${table} t with no data;
      while exists (select from pg_catalog.pg_attribute a where a.attrelid = ${reference} and a.attname = reason) loop
        reason := reason || '_';
      end loop;
      execute pg_catalog.format(${literal(`alter table ${name} add column %I text`)}, reason);
      execute ${literal(owned)};
      /* whoever the table's policies hide rows from sees none of these */
      if exists (select from pg_catalog.pg_class c where c.oid = any (tree) and c.relrowsecurity) then
        alter table ${name} enable row level security;
      end if;
      comment on table ${name} is ${literal(`Rows of ${shown(aside.of)} that had no place any more when kysely-unship restored it`)};
    end if;
    insert into ${name} select ${kept}, ${literal(aside.reason)} from ${only}${table} t, ${found('orphaned')} where ${isFound};
    ${aside.columns ? emptied : key.onDelete === 'set null' || key.onDelete === 'set default' ? change : remove};
    ${aside.event('orphans')};
    ${aside.seal === undefined ? '' : `${aside.seal};`}
    ${ALL_IMMEDIATE};${referring === undefined ? '' : ADD_REFERRING}
    foreach command in array coalesce(back, '{}') loop execute command; end loop;
  end if;
  if forced then
    execute ${literal(`alter table ${table} force row level security`)};
  end if;
  perform pg_catalog.set_config(${literal(SET_ASIDE_COUNT)}, orphans::text, false);
end`
  return `do ${dollarQuote(body, 'aside')}`
}
