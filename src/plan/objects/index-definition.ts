import type { Index } from '../../catalog/index.ts'
import { replayable, replayableExpression } from '../../catalog/replay.ts'
import { id, literal } from '../../sql.ts'

/*
 * pg_get_indexdef leaves out the tablespace, which stands before WHERE; what follows that is as pg_get_expr prints it.
 */

type Defined = Pick<Index, 'indexrelid' | 'def' | 'predicate' | 'tablespace'>

const filterOf = ({ predicate }: Defined) => (predicate === null ? '' : ` WHERE ${predicate}`)

/** The statement that makes the index again. */
export function indexDefinition(index: Defined): string {
  if (index.tablespace === null) return replayable(index.def)
  const filter = filterOf(index)
  const head = index.def.slice(0, index.def.length - filter.length)
  return replayable(`${head} TABLESPACE ${id(index.tablespace)}${filter}`)
}

/** An expression for it, as the index is defined when that is evaluated. */
export function indexExpression(index: Pick<Index, 'indexrelid' | 'tablespace'>): string {
  const definition =
    index.tablespace === null
      ? `pg_catalog.pg_get_indexdef(${index.indexrelid})`
      : `(select pg_catalog.left(d.def, pg_catalog.length(d.def) - pg_catalog.length(d.filter)) || ${literal(` TABLESPACE ${id(index.tablespace)}`)} || d.filter
        from (select pg_catalog.pg_get_indexdef(i.indexrelid) as def, coalesce(' WHERE ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid), '') as filter
          from pg_catalog.pg_index i where i.indexrelid = ${index.indexrelid}) d)`
  return replayableExpression(definition)
}
