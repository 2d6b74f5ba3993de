import type { Node } from '../../catalog/dependency.ts'
import type { Relation } from '../../catalog/relation.ts'
import { replayableExpression } from '../../catalog/replay.ts'
import { hiddenName } from '../../names.ts'
import { id, literal, qualified } from '../../sql.ts'
import { takesMovedRows } from '../data/moved-rows.ts'
import type { Model } from '../model.ts'
import { isMovedRoutine } from './moved.ts'
import { goesByColumnNames, namesAbsent, speaksOfNames, textsOf } from '../refusals/texts.ts'

/*
 * Filling a materialized view takes as long as its query, and nobody can wait for that
 * at the reveal. Where its query needs nothing that comes back only then, it is built
 * under a hidden name beside the hidden columns and renamed at the reveal.
 */

/** Whether everything that a materialized view reads is there before the reveal. */
export function isPrebuilt(model: Model, relation: Relation): boolean {
  // it is filled as its owner, who it cannot be given to before it has its name
  if (relation.relkind !== 'm' || !relation.relispopulated || !isOurs(model, relation)) return false
  if (dependsOnNames(model, relation)) return false
  const own = (node: Node | undefined) => node?.catalog === 'pg_rewrite' && node.owner_relid === relation.oid
  return model.snapshot.edges
    .filter(({ dependent }) => own(model.nodes.get(dependent)))
    .every(({ referenced }) => {
      const node = nodeOf(model, referenced)
      if (!node || node.objid === relation.oid) return true
      if (node.catalog === 'pg_proc') {
        const routine = model.snapshot.routines.find((r) => r.oid === node.objid)
        return routine !== undefined && isMovedRoutine(model, routine) && !takesMovedRows(model, routine.oid)
      }
      if (node.catalog !== 'pg_class' || !model.relations.has(node.objid)) return true
      const used = model.relation(node.objid)
      if (used.relkind === 'v') return false
      if (used.relkind === 'm') return isPrebuilt(model, used)
      const column = model.gone.get(used.oid)?.find((c) => c.attnum === node.objsubid)
      return column === undefined || column.attgenerated === ''
    })
}

/** Whether what its query gives, or whether it runs at all, hangs on names that are others before the reveal. */
const dependsOnNames = (model: Model, { oid }: Relation): boolean =>
  textsOf(model, `pg_class:${oid}:0`).some(
    (text) => speaksOfNames(text) || goesByColumnNames(model, text) || namesAbsent(model, text).length > 0,
  )

/** What belongs to another role is filled with what that role may see. */
export const isOurs = (model: Model, { owner }: Relation): boolean => owner === model.snapshot.environment.current_user

/** The catalog row that an edge points to; a column of a view stands for the view. */
const nodeOf = (model: Model, key: string): Node | undefined =>
  model.nodes.get(key) ?? model.nodes.get(key.replace(/:\d+$/, ':0'))

/** The materialized views that are built before the reveal, each after those that it reads. */
export function prebuiltViews(model: Model): Relation[] {
  const views = model.snapshot.relations.filter((r) => model.views.has(r.oid) && isPrebuilt(model, r))
  const ordered: Relation[] = []
  const visit = (view: Relation) => {
    if (ordered.includes(view)) return
    for (const other of views) if (other !== view && reads(model, view, other)) visit(other)
    ordered.push(view)
  }
  views.forEach(visit)
  return ordered
}

const reads = (model: Model, view: Relation, other: Relation): boolean =>
  model.snapshot.edges.some(({ dependent, referenced }) => {
    const from = model.nodes.get(dependent)
    const to = nodeOf(model, referenced)
    return (
      from?.catalog === 'pg_rewrite' &&
      from.owner_relid === view.oid &&
      to?.catalog === 'pg_class' &&
      to.objid === other.oid
    )
  })

export const hiddenView = (relation: Relation) => ({
  schema: relation.nspname,
  name: hiddenName(relation.relname),
})

/** The statement that builds it, as an SQL expression for the cut-over, where everything bears its hidden name. */
export function buildExpression(relation: Relation, storage: string): string {
  const create = `create materialized view ${qualified(hiddenView(relation))}${storage} as `
  const query = `pg_catalog.rtrim(pg_catalog.pg_get_viewdef(${relation.oid}), ';')`
  return `${literal(create)} || ${replayableExpression(query)} || ${literal(' with data')}`
}

export const hide = (relation: Relation): string =>
  `alter materialized view ${id(relation.nspname, relation.relname)} rename to ${id(hiddenName(relation.relname))}`

export const show = (relation: Relation): string =>
  `alter materialized view ${qualified(hiddenView(relation))} rename to ${id(relation.relname)}`
