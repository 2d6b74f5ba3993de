import { id, qualified, type QualifiedName } from '../sql.ts'
import { oidArray, relationOrder, type Oid, type Scope } from './fragments.ts'
import { replayable } from './replay.ts'

/** A table that a publication names: FOR TABLE. */
export interface Membership {
  readonly prrelid: Oid
  readonly prpubid: Oid
  readonly pubname: string
  readonly pubowner: string
  /** The session has the rights of its owner, hence may change it. */
  readonly owned: boolean
  readonly pubupdate: boolean
  readonly pubdelete: boolean
  /** publish_generated_columns, of PostgreSQL 18: stored ones go out where there is no column list. */
  readonly pubgencols: boolean
  /** Its column list, in the table's order; null publishes whatever the table has. */
  readonly columns: readonly string[] | null
  /** Its row filter, in parentheses. */
  readonly filter: string | null
  /** Numbers of the columns that the row filter reads. */
  readonly filter_columns: readonly number[]
}

export const membershipQuery = ({ relations }: Scope, major: number): string => `
  select g.prrelid, g.prpubid, p.pubname, pg_catalog.pg_get_userbyid(p.pubowner) as pubowner,
    pg_catalog.pg_has_role(p.pubowner, 'USAGE') as owned, p.pubupdate, p.pubdelete,
    ${major >= 18 ? "p.pubgencols = 's' /* stored */" : 'false'} as pubgencols,
    ${
      major >= 15
        ? `(select pg_catalog.json_agg(a.attname order by a.attnum) from pg_catalog.pg_attribute a
      where a.attrelid = g.prrelid and a.attnum = any (g.prattrs::pg_catalog.int2[])) as columns,
    pg_catalog.pg_get_expr(g.prqual, g.prrelid) as filter,
    coalesce((select pg_catalog.json_agg(distinct m[1]::int)
      from pg_catalog.regexp_matches(g.prqual::text, ':varattno (-?\\d+)', 'g') m), '[]') as filter_columns`
        : `null::json as columns, null::text as filter, '[]'::json as filter_columns`
    }
  from pg_catalog.pg_publication_rel g
  join pg_catalog.pg_publication p on p.oid = g.prpubid
  where g.prrelid = any (${oidArray(relations)})
  order by ${relationOrder('g.prrelid')}, p.pubname`

/** What a publication takes of a table. */
export type Published = Pick<Membership, 'pubname' | 'columns' | 'filter'>

export const publish = ({ pubname, columns, filter }: Published, table: QualifiedName): string =>
  `alter publication ${id(pubname)} add table only ${qualified(table)}${
    columns === null ? '' : ` (${columns.map((name) => id(name)).join(', ')})`
  }${filter === null ? '' : ` where (${replayable(filter)})`}`

export const unpublish = ({ pubname }: Pick<Published, 'pubname'>, table: QualifiedName): string =>
  `alter publication ${id(pubname)} drop table only ${qualified(table)}`
