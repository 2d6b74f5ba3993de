import { qualified, id, type QualifiedName } from '../../sql.ts'
import type { Lack } from '../refusals/lacks.ts'
import { shown, type Model } from '../model.ts'

/** What stays, and has to be readable when a materialized view is filled again. */
export interface NeededRead {
  /** The materialized view, and its owner. */
  readonly view: QualifiedName
  readonly filler: string
  /** The role that is asked for privileges. */
  readonly reader: string
  readonly table: QualifiedName
  /** Those that stay; none where those of any will do. */
  readonly columns: readonly string[]
  /** Others come back, which it may read because it may read all. */
  readonly whole?: boolean
}

/** What queries that are created again select from; what those of views that stay do is looked up when it is asked for. */
export const neededReads = (model: Model): NeededRead[] =>
  model.snapshot.reads.flatMap(({ view, filler, through, reader, relid, schema, name, ...read }) => {
    if (!model.views.has(view) || !model.views.has(through)) return []
    if (model.moved.has(relid) || model.views.has(relid)) return []
    const columns = read.columns.filter((c) => !model.isRemoved(relid, c.attnum)).map((c) => c.attname)
    const returning = columns.length < read.columns.length
    // a privilege on a column comes back with it
    if (returning && columns.length === 0 && !read.whole) return []
    const whole = returning && read.whole && { whole: true }
    return [{ view: model.name(view), filler, reader, table: { schema, name }, columns, ...whole }]
  })

/** What materialized views select from and may not any more, since they were filled. */
export const lostReads = (model: Model): Lack[] =>
  model.snapshot.reads
    .filter(({ view, held }) => model.views.has(view) && !held)
    .map(({ view, reader, schema, name }) =>
      unreadable({ view: model.name(view), reader, table: { schema, name } }, model.snapshot.environment.current_user),
    )

export const unreadable = (
  { view, reader, table }: Pick<NeededRead, 'view' | 'reader' | 'table'>,
  me: string,
): Lack => ({
  what: `SELECT on table ${shown(table)}, for role ${reader}, with whose rights materialized view ${shown(view)} is filled`,
  grant: `grant select on table ${qualified(table)} to ${id(reader)}`,
  ...(reader !== me && { others: true }),
})
