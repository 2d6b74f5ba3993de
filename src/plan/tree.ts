import { dollarQuote, id, literal, qualified, type QualifiedName } from '../sql.ts'
import { OTHER_PARTITIONS } from '../sql-states.ts'
import type { Oid } from '../catalog/fragments.ts'
import type { Model } from './model.ts'
import type { HostPlan, PlannedLock } from './plan.ts'

/*
 * The partitions of a host table come and go on their own: what is done to them is
 * asked of the catalog when it is done, not of the plan.
 */

/** How a statement reads or changes all rows of a host table: its own, or those of its partitions. */
export const rowsOf = ({ table, members }: Pick<HostPlan, 'table' | 'members'>): string =>
  `${members ? '' : 'only '}${qualified(table)}`

const regclass = (table: QualifiedName) => `${literal(qualified(table))}::pg_catalog.regclass`

/** A query of `relid`, the table itself first, then its partitions, parents before theirs. */
export const treeQuery = (table: QualifiedName): string =>
  `select t.relid, t.isleaf, t.level from pg_catalog.pg_partition_tree(${regclass(table)}) t order by t.level, t.relid::pg_catalog.oid`

/** The same, but only what a partition is a part of, itself and its own partitions; nothing where it is none of the table. */
export const branchQuery = (table: QualifiedName, member: QualifiedName): string =>
  `select b.relid from (
      select a.relid, -a.n as level from pg_catalog.pg_partition_ancestors(${found(member)}) with ordinality a(relid, n)
      union all select t.relid, t.level from pg_catalog.pg_partition_tree(${found(member)}) t where t.level > 0) b
    where ${isMember(table, member)} order by b.level, b.relid::pg_catalog.oid`

const found = (table: QualifiedName) => `pg_catalog.to_regclass(${literal(qualified(table))})`

/** A condition: whether it is a partition of the table. Asked from below, where there are few: a table may have thousands. */
export const isMember = (table: QualifiedName, member: QualifiedName): string => `exists (${membership(table, member)})`

const membership = (table: QualifiedName, member: QualifiedName) =>
  `select from pg_catalog.pg_partition_ancestors(${found(member)}) p where p.relid::pg_catalog.oid = ${regclass(table)}`

/** A statement as a format for FORMAT, made for names that stand in it as they are. */
const asFormat = (statement: (...names: string[]) => string, ...formats: string[]): string => {
  const marks = formats.map((_, n) => `\u0001${String(n)}\u0001`)
  return marks.reduce(
    (text, mark, n) => text.replaceAll(mark, formats[n] ?? ''),
    statement(...marks).replaceAll('%', '%%'),
  )
}

/** Runs a statement for the table and for each of its partitions. */
export const forEachMember = (table: QualifiedName, statement: (member: string) => string): string =>
  `do ${dollarQuote(
    `
declare
  member record;
begin
  for member in ${treeQuery(table)} loop
    execute pg_catalog.format(${literal(asFormat(statement, '%1$s'))}, member.relid);
  end loop;
end`,
    'members',
  )}`

/** Runs statements if a query finds something. */
export const whileThere = (query: string, statements: readonly string[]): string[] =>
  statements.length === 0
    ? []
    : [
        `do ${dollarQuote(
          `
begin
  if exists (${query}) then
${statements.map((sql) => `    execute ${dollarQuote(sql, 'sql')};`).join('\n')}
  end if;
end`,
          'there',
        )}`,
      ]

/** Runs statements about a partition if it still is one. */
export const whileMember = (root: QualifiedName, member: QualifiedName, statements: readonly string[]): string[] =>
  whileThere(membership(root, member), statements)

/** The same, for a relation that may be a partition of a host table or not. */
export function ofMember(model: Model, oid: Oid, statements: readonly string[]): string[] {
  const root = model.rootOf(oid)
  return root === null ? [...statements] : whileMember(model.name(root), model.name(oid), statements)
}

/**
 * A trigger with its clones on partitions: `relid`, `tgname`, `tgenabled`, `conname` of a constraint trigger, `comment`. A condition
 * may follow, with AND, on `t`, the row of pg_trigger.
 *
 * @param trigger an expression for its name
 */
export function familyQuery(table: QualifiedName, trigger: string): string {
  const oid = found(table)
  return `
    with recursive tree(relid) as (
      /* with those that are being detached, which pg_partition_tree passes over */
      select ${oid}::pg_catalog.oid
      union all
      select i.inhrelid from tree t join pg_catalog.pg_inherits i on i.inhparent = t.relid),
    family(oid) as (
      select t.oid from pg_catalog.pg_trigger t where t.tgrelid = ${oid} and t.tgname = ${trigger}
      union all
      /* by the table, for which there is an index: a database may have a hundred thousand triggers */
      select t.oid from family f cross join tree join pg_catalog.pg_trigger t on t.tgrelid = tree.relid and t.tgparentid = f.oid)
    select t.tgrelid::pg_catalog.regclass as relid, t.tgname, t.tgenabled,
      (select k.conname from pg_catalog.pg_constraint k where k.oid = t.tgconstraint) as conname,
      pg_catalog.obj_description(t.oid, 'pg_trigger') as comment
    /* an array is taken to be short, and each looked up */
    from pg_catalog.pg_trigger t where t.oid = any (array(select f.oid from family f))`
}

/** Runs a statement for a trigger and for each of its clones on partitions, by the names of table, trigger and constraint. */
export const forEachClone = (
  table: QualifiedName,
  trigger: string,
  statement: (member: string, clone: string, constraint: string) => string,
): string =>
  `do ${dollarQuote(
    `
declare
  clone record;
begin
  for clone in ${familyQuery(table, literal(trigger))}
  loop
    execute pg_catalog.format(${literal(asFormat(statement, '%1$s', '%2$I', '%3$I'))}, clone.relid, clone.tgname, clone.conname);
  end loop;
end`,
    'clones',
  )}`

/** Drops the triggers that call a function; a partition that was detached keeps those that were its own. */
export const dropTriggersOf = (routine: QualifiedName): string =>
  `do ${dollarQuote(
    `
declare
  own record;
begin
  for own in
    select t.tgrelid::pg_catalog.regclass as relid, t.tgname from pg_catalog.pg_depend d
    join pg_catalog.pg_trigger t on d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass and t.oid = d.objid and t.tgparentid = 0
    where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
      and d.refobjid = pg_catalog.to_regprocedure(${literal(`${qualified(routine)}()`)})
  loop
    execute pg_catalog.format('drop trigger %I on %s', own.tgname, own.relid);
  end loop;
end`,
    'triggers',
  )}`

/** Locks a host table, and where it is partitioned its partitions after it. */
export const lockHost = ({ table, members }: Pick<HostPlan, 'table' | 'members'>): PlannedLock => ({
  sql: `lock table ${members ? '' : 'only '}${qualified(table)} in access exclusive mode`,
  relation: table,
  ...(members && { tree: true }),
})

/** Fails where partitions have come or gone since the removal was planned: their rows would be missing in the backup, or too many. */
export function demandSameMembers({ table, members }: HostPlan): string[] {
  if (!members) return []
  const planned = members.map((m) => `(${literal(qualified(m))})`).join(', ')
  const now = `select t.relid::pg_catalog.oid from pg_catalog.pg_partition_tree(${regclass(table)}) t where t.level > 0`
  const before =
    members.length === 0
      ? 'select 0::pg_catalog.oid where false'
      : `select pg_catalog.to_regclass(m.name)::pg_catalog.oid from (values ${planned}) m(name)`
  return [
    `do ${dollarQuote(
      `
begin
  if exists ((${now}) except (${before})) or exists ((${before}) except (${now})) then
    raise exception using message = ${literal(`partitions of ${id(table.schema, table.name)} came or went`)}, errcode = '${OTHER_PARTITIONS}';
  end if;
end`,
      'members',
    )}`,
  ]
}
