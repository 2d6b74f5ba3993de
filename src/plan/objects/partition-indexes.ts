import type { Index } from '../../catalog/index.ts'
import { dollarQuote, literal, qualified } from '../../sql.ts'
import { shown, type Model } from '../model.ts'
import { indexSettings } from './objects.ts'
import { indexDefinition, indexExpression } from './index-definition.ts'
import { completeIndex, newPartitions } from './new-partitions.ts'
import type { Action, LockMode } from '../plan.ts'
import { ofMember } from '../tree.ts'

/*
 * CREATE INDEX CONCURRENTLY knows no partitioned tables. The indexes of their
 * partitions are built one by one; then one is created on the partitioned table ONLY, and they are attached to it,
 * which changes the catalog alone.
 */

interface Step {
  readonly sql: string
  /** An expression that gives it in the cut-over. */
  readonly captured: string | null
  readonly reason: string
  readonly table: string
  readonly lock: LockMode
  readonly action: Action
  readonly object: string | null
}

const nameOf = (index: Index) => ({ schema: index.nspname, name: index.relname })

const labelOf = (index: Index) => (index.conoid === null ? 'idx' : index.indisprimary ? 'pkey' : 'key')

/** Partitioned indexes, parents first, then what is attached to them; unique constraints come at the reveal. */
export function partitionedIndexes(model: Model, indexes: readonly Index[], phase: 'build' | 'validate'): Step[] {
  const order = (index: Index) => model.snapshot.members.findIndex((m) => m.relid === index.indrelid)
  const partitioned = indexes.filter((i) => i.partitioned && i.conoid === null).sort((a, b) => order(a) - order(b))
  const step = (index: Index, sql: string, reason: string, captured: string | null = null): Step => ({
    sql,
    captured,
    reason,
    lock: 'ACCESS EXCLUSIVE',
    table: shown(model.name(index.indrelid)),
    action: 'run',
    object: null,
  })
  const whole = indexes.filter((i) => i.partitioned && i.parent === null)
  return [
    ...whole.map((index) => ({
      ...step(
        index,
        phase === 'build' ? CAPTURED : `${newPartitions(labelOf(index))}${indexDefinition(index)}`,
        `parts of index ${index.relname}`,
        phase === 'build' ? `${literal(newPartitions(labelOf(index)))} || ${indexExpression(index)}` : null,
      ),
      lock: 'SHARE UPDATE EXCLUSIVE' as const,
      action: 'partition indexes' as const,
      object: qualified(model.name(index.indrelid)),
    })),
    ...partitioned.flatMap((index) => [
      // after the reveal the columns bear their own names, of which the definition speaks already
      ...(phase === 'build' ? [CAPTURED] : ofMember(model, index.indrelid, [indexDefinition(index)])).map((sql) =>
        step(
          index,
          sql,
          `index ${index.relname}, without its parts`,
          phase === 'build' ? creation(model, index) : null,
        ),
      ),
      ...ofMember(model, index.indrelid, [...namesWithin(model, index), ...indexSettings(index)]).map((sql) =>
        step(index, sql, `index ${index.relname}`),
      ),
    ]),
    ...partitioned.flatMap((index) =>
      partsOf(index, indexes).flatMap((part) =>
        attachPart(model, index, part).map((sql) => step(part, sql, `it becomes a part of index ${index.relname}`)),
      ),
    ),
    ...whole
      .filter((i) => i.conoid === null)
      .flatMap((index) =>
        ofMember(model, index.indrelid, [completeIndex(nameOf(index), null)]).map((sql) =>
          step(index, sql, `index ${index.relname} in partitions that have come since`),
        ),
      ),
  ]
}

/** Makes what was built for partitions parts of a partitioned index; the index is valid when it has them all. */
export const attachParts = (model: Model, index: Index, indexes: readonly Index[]): string[] =>
  partsOf(index, indexes).flatMap((part) => attachPart(model, index, part))

const partsOf = (index: Index, indexes: readonly Index[]) => indexes.filter((i) => i.parent === index.indexrelid)

const attachPart = (model: Model, index: Index, part: Index): string[] =>
  ofMember(model, part.indrelid, [...(part.partitioned ? [] : namesWithin(model, part)), attach(index, part)])

const attach = (parent: Index, part: Index): string =>
  `alter index ${qualified(nameOf(parent))} attach partition ${qualified(nameOf(part))}`

/** An expression for its definition under hidden names; of a partition that may be gone by then. */
function creation(model: Model, index: Index): string {
  const definition = indexExpression(index)
  if (model.rootOf(index.indrelid) === null) return definition
  const [around = ''] = ofMember(model, index.indrelid, [MARK])
  const [before = '', after = ''] = around.split(dollarQuote(MARK, 'sql'))
  return `${literal(before)} || pg_catalog.quote_literal(${definition}) || ${literal(after)}`
}

const CAPTURED = '-- captured in the cut-over'
const MARK = '-- definition'

/**
 * An index names its own columns after the table's when it is built: after hidden names
 * here, and after names long changed before. This gives them the names that they had.
 */
export function namesWithin(model: Model, index: Index): string[] {
  if (!index.indkey.some((n) => n === 0 || model.isRemoved(index.indrelid, n))) return []
  const name = qualified({ schema: index.nspname, name: index.relname })
  const body = `
declare
  own record;
begin
  for own in
    select a.attnum, a.attname, w.name from pg_catalog.pg_attribute a
    join (values ${index.columns.map((c) => `(${String(c.attnum)}, ${literal(c.attname)})`).join(', ')}) w(attnum, name) on w.attnum = a.attnum
    where a.attrelid = ${literal(name)}::pg_catalog.regclass and a.attname <> w.name
  loop
    execute pg_catalog.format('alter table %s rename column %I to %I', ${literal(name)}, own.attname, own.name);
  end loop;
end`
  return [`do ${dollarQuote(body, 'names')}`]
}
