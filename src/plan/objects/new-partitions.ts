import { dollarQuote, literal, qualified, type QualifiedName } from '../../sql.ts'

/*
 * Partitions that come while a feature is away have no part of its partitioned indexes, which
 * would stay invalid without them.
 */

/** What the names of indexes end with that PostgreSQL chooses. */
export type IndexLabel = 'idx' | 'key' | 'pkey'

/** Comes before the definition of a partitioned index, as a comment: the runner builds the same for new partitions. */
export const newPartitions = (label: IndexLabel): string =>
  `-- the same, called ..._${label}, for each partition that has come since: `

/** The definition behind it. */
export function definitionForNewPartitions(sql: string): { label: IndexLabel; definition: string } {
  const label = (['idx', 'key', 'pkey'] as const).find((l) => sql.startsWith(newPartitions(l)))
  if (!label) throw new Error(`no index for new partitions: ${sql}`)
  return { label, definition: sql.slice(newPartitions(label).length) }
}

/** An expression: what follows the name and the table in the definition of the index of a pg_index row. */
export const definitionTail = (x: string): string => `(
      select pg_catalog.substr(pg_catalog.pg_get_indexdef(i.oid), 1 + pg_catalog.length(pg_catalog.format('CREATE %sINDEX %I ON %s%I.%I ',
        case when ${x}.indisunique then 'UNIQUE ' else '' end, i.relname, case i.relkind when 'I' then 'ONLY ' else '' end, tn.nspname, t.relname)))
      from pg_catalog.pg_class i, pg_catalog.pg_class t join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
      where i.oid = ${x}.indexrelid and t.oid = ${x}.indrelid)`

/**
 * Gives a partitioned index its parts in the partitions that have none yet: an equal index that stands alone, as
 * ATTACH PARTITION would, else one that is built here.
 *
 * @param constraint what follows UNIQUE (…) where it is a constraint's, null where it is not
 */
export function completeIndex(
  index: QualifiedName,
  constraint: { definition: string; deferrable: string } | null,
): string {
  const body = `
declare
  missing record;
  part pg_catalog.oid;
begin
  loop
    with recursive whole(indexrelid) as (
      select ${literal(qualified(index))}::pg_catalog.regclass::pg_catalog.oid
      union all
      select h.inhrelid from whole w join pg_catalog.pg_inherits h on h.inhparent = w.indexrelid)
    select x.indexrelid::pg_catalog.regclass as index, h.inhrelid::pg_catalog.regclass as partition, c.relkind = 'p' as divided,
      x.indisunique, ${definitionTail('x')} as tail
    into missing
    from whole join pg_catalog.pg_index x on x.indexrelid = whole.indexrelid
    join pg_catalog.pg_inherits h on h.inhparent = x.indrelid
    join pg_catalog.pg_class c on c.oid = h.inhrelid
    where not exists (select from pg_catalog.pg_inherits a join pg_catalog.pg_index o on o.indexrelid = a.inhrelid
      where a.inhparent = x.indexrelid and o.indrelid = h.inhrelid)
    limit 1;
    exit when not found;
    part := null;
    if not missing.divided then
      select x.indexrelid into part from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid
      where x.indrelid = missing.partition and x.indisvalid and not i.relispartition and x.indisunique = missing.indisunique
        and ${definitionTail('x')} = missing.tail
        and not exists (select from pg_catalog.pg_constraint k where k.conrelid = x.indrelid and k.conindid = i.oid and k.contype in ('p', 'u', 'x'))
      order by 1 limit 1;
    end if;
    if part is null then
      execute ${
        constraint
          ? `case when missing.divided then pg_catalog.format(${literal(`alter table only %s add ${constraint.definition.replaceAll('%', '%%')}`)}, missing.partition)
        else pg_catalog.format('create unique index on %s %s', missing.partition, missing.tail) end`
          : `pg_catalog.format('create %sindex on %s%s %s', case when missing.indisunique then 'unique ' else '' end,
        case when missing.divided then 'only ' else '' end, missing.partition, missing.tail)`
      };
      select pg_catalog.max(x.indexrelid) into part from pg_catalog.pg_index x where x.indrelid = missing.partition;
    end if;${
      constraint
        ? `
    if not missing.divided then
      execute (select pg_catalog.format(${literal(`alter table %s add constraint %I unique using index %I${constraint.deferrable}`)},
        missing.partition, i.relname, i.relname) from pg_catalog.pg_class i where i.oid = part);
    end if;`
        : ''
    }
    execute pg_catalog.format('alter index %s attach partition %s', missing.index, part::pg_catalog.regclass);
  end loop;
end`
  return `do ${dollarQuote(body, 'complete')}`
}

/** A partition that comes while columns are hidden has PostgreSQL name its indexes after their hidden names. */
export function mendNames(
  table: QualifiedName,
  columns: readonly { readonly name: string; readonly hidden: string }[],
): string {
  const mended = (name: string) =>
    columns.reduce((text, c) => `pg_catalog.replace(${text}, ${literal(c.hidden)}, ${literal(c.name)})`, name)
  const body = `
declare
  own record;
begin
  for own in
    select i.oid::pg_catalog.regclass as index, ${mended('i.relname')} as name
    from pg_catalog.pg_partition_tree(${literal(qualified(table))}::pg_catalog.regclass) t
    join pg_catalog.pg_index x on x.indrelid = t.relid join pg_catalog.pg_class i on i.oid = x.indexrelid
    where i.relname <> ${mended('i.relname')} and i.relispartition
      and not exists (select from pg_catalog.pg_class c where c.relnamespace = i.relnamespace and c.relname = ${mended('i.relname')})
  loop
    execute pg_catalog.format('alter index %s rename to %I', own.index, own.name);
  end loop;
end`
  return `do ${dollarQuote(body, 'mend')}`
}
