import type { Column } from '../../catalog/column.ts'
import { publish, unpublish, type Membership } from '../../catalog/publication.ts'
import { dollarQuote, literal, qualified, type QualifiedName } from '../../sql.ts'
import type { PublishedTable } from '../plan.ts'
import { publishedColumns } from './publications.ts'

/** What a publication takes of a host table while its columns come back. */
export interface MembershipSwap {
  /** A column list of all columns but the hidden ones. */
  readonly away: readonly string[]
  /** At the reveal: as it was, with the restored columns if it had named them. */
  readonly back: readonly string[]
  /** When the restore is taken back: as it was before that. */
  readonly undo: readonly string[]
}

/**
 * Subscribers know columns by name: one under a hidden name would stop them. So each
 * publication of a host table names the columns that it sends, from the transaction that
 * adds the hidden ones to the one that renames them. What it takes of the table now decides;
 * a list from which the removal took columns gets them again, unless somebody has changed it.
 */
export function swapMembership(
  membership: Membership,
  table: QualifiedName,
  columns: readonly Column[],
  recorded: readonly PublishedTable[],
): MembershipSwap | null {
  const before = recorded.find(
    (r) => r.publication === membership.pubname && r.table.schema === table.schema && r.table.name === table.name,
  )
  const unchanged = before?.filter === membership.filter && same(before.reduced, membership.columns)
  const final = unchanged ? before.columns : membership.columns
  const hides = membership.columns === null
  if (!hides && same(final, membership.columns)) return null
  const set = (list: readonly string[] | null) => [changed(membership, table, list)]
  return {
    away: hides ? set(publishedColumns(membership, columns)) : [],
    back: set(final),
    undo: hides ? set(membership.columns) : [],
  }
}

/** Another column list, or none; a publication that somebody has taken the table out of meanwhile stays without it. */
function changed(membership: Membership, table: QualifiedName, columns: readonly string[] | null): string {
  const body = `
begin
  if exists (select from pg_catalog.pg_publication_rel g join pg_catalog.pg_publication p on p.oid = g.prpubid
    where p.pubname = ${literal(membership.pubname)} and g.prrelid = ${literal(qualified(table))}::pg_catalog.regclass) then
    ${unpublish(membership, table)};
    ${publish({ ...membership, columns }, table)};
  end if;
end`
  return `do ${dollarQuote(body, 'publication')}`
}

const same = (a: readonly string[] | null, b: readonly string[] | null) =>
  a === null || b === null ? a === b : a.length === b.length && a.every((name) => b.includes(name))
