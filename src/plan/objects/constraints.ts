import type { Constraint } from '../../catalog/constraint.ts'
import type { Index } from '../../catalog/index.ts'
import { replayable } from '../../catalog/replay.ts'
import { dollarQuote, id, qualified } from '../../sql.ts'
import type { Model } from '../model.ts'
import { completeIndex } from './new-partitions.ts'
import { comment, indexSettings, type Recreated } from './objects.ts'
import { boundDefinition } from './referenced-index.ts'

/** What is created again as one. */
export const FOREIGN_KEY = 'foreign key'

/**
 * A check, foreign key, unique or exclusion constraint of a table that stays, or a
 * foreign key of a moved table. Foreign keys and checks come back NOT VALID and
 * are validated after the reveal, unless they were not valid before.
 */
export function recreatedConstraint(model: Model, constraint: Constraint, why: { columnGoes: boolean }): Recreated {
  const table = qualified(model.name(constraint.conrelid))
  const name = id(constraint.conname)
  const later =
    (constraint.contype === 'f' || constraint.contype === 'c') && constraint.convalidated && constraint.enforced
  // USING INDEX knows no partitioned tables; this makes an index of their own, to which those of partitions are attached
  const partitionedIndex = model.snapshot.indexes.find(
    (i) => i.indexrelid === constraint.conindid && i.partitioned && constraint.contype !== 'f',
  )
  const definition =
    !partitionedIndex && (constraint.contype === 'u' || constraint.contype === 'p') && !isExclusion(model, constraint)
      ? usingIndex(constraint)
      : `${replayable(definitionOf(model, constraint))}${later ? ' not valid' : ''}`
  return {
    key: `pg_constraint:${constraint.oid}:0`,
    kind: constraint.contype === 'f' ? FOREIGN_KEY : 'constraint',
    identity: `${name} on ${table}`,
    // a key over removed columns goes with them; a foreign key is named, because dropping it locks the referenced table,
    // a check, because a function that it calls goes before the columns do, EXCLUDE, because no column goes that only its
    // expressions or its condition speak of
    // a partition's goes with its parent's
    drop:
      (why.columnGoes && !['c', 'f', 'x'].includes(constraint.contype)) ||
      (constraint.conparentid !== '0' && constraint.contype !== 'f')
        ? []
        : [`alter table ${table} drop constraint ${name}`],
    create: [
      `alter table ${partitionedIndex ? 'only ' : ''}${table} add constraint ${name} ${definition}`,
      ...(partitionedIndex ? indexSettings(partitionedIndex) : []),
      // other indexes of constraints are built before them
      ...(isExclusion(model, constraint) ? ofIndex(model, constraint, table) : []),
      ...comment(`constraint ${name} on ${table}`, constraint.description),
    ],
    validate: later ? validation(model, constraint, validateConstraint(table, name)) : null,
  }
}

/** As the restore runs it; of names that are quoted already. */
export const validateConstraint = (table: string, name: string): string =>
  `alter table ${table} validate constraint ${name}`

function definitionOf(model: Model, constraint: Constraint): string {
  // a key that cannot be bound to its index is refused
  if (constraint.contype === 'f') return boundDefinition(model, constraint) ?? constraint.def
  // that of EXCLUDE has the options of its index
  const index = model.snapshot.indexes.find((i) => i.indexrelid === constraint.conindid && constraint.contype !== 'x')
  return index ? withOptions(constraint.def, index) : constraint.def
}

/** Its index can only be built together with it: EXCLUDE, and UNIQUE … WITHOUT OVERLAPS. */
export const isExclusion = (model: Model, { conindid, contype }: Constraint): boolean =>
  contype !== 'f' && model.indexes.get(conindid)?.indisexclusion === true

/** What an exclusion constraint's definition leaves out of its index. */
const ofIndex = (model: Model, constraint: Constraint, table: string): string[] =>
  model.snapshot.indexes
    .filter((i) => i.indexrelid === constraint.conindid)
    .flatMap((index) => [
      ...indexSettings(index),
      ...(index.indisclustered ? [`alter table ${table} cluster on ${id(index.relname)}`] : []),
    ])

/**
 * VALIDATE reads the tables as their owner. Where FORCE ROW LEVEL SECURITY binds that owner,
 * it has to be lifted meanwhile, which nobody else may notice: hence under lock.
 */
function validation(model: Model, { contype, conrelid, confrelid }: Constraint, sql: string): Recreated['validate'] {
  const foreignKey = contype === 'f'
  const forced = [...new Set([conrelid, confrelid])]
    .filter((oid) => foreignKey && model.moved.has(oid))
    .filter((oid) => model.relation(oid).relforcerowsecurity && model.relation(oid).row_security_active)
    .map((oid) => model.name(oid))
  if (forced.length === 0) return { sql, foreignKey, locks: [] }
  const force = (how: string) => forced.map((table) => `  alter table ${qualified(table)} ${how} row level security;`)
  const body = ['begin', ...force('no force'), `  ${sql};`, ...force('force'), 'end'].join('\n')
  return { sql: `do ${dollarQuote(body, 'validate')}`, foreignKey, locks: forced }
}

/** The constraint in partitions that have come since. */
export const completeConstraint = (model: Model, constraint: Constraint, index: Index): string =>
  completeIndex(
    { schema: index.nspname, name: index.relname },
    { definition: withOptions(constraint.def, index), deferrable: deferrable(constraint) },
  )

const deferrable = (constraint: Constraint) =>
  constraint.condeferrable ? ` deferrable initially ${constraint.condeferred ? 'deferred' : 'immediate'}` : ''

/** Options of its index, which a constraint's definition leaves out. */
function withOptions(definition: string, { reloptions }: Index): string {
  if (!reloptions?.length) return definition
  const [, columns = definition, rest = ''] = /^(.*?)((?: DEFERRABLE| INITIALLY DEFERRED)*)$/s.exec(definition) ?? []
  return `${columns} with (${reloptions.join(', ')})${rest}`
}

function usingIndex(constraint: Constraint): string {
  const kind = constraint.contype === 'p' ? 'primary key' : 'unique'
  return `${kind} using index ${id(constraint.conname)}${deferrable(constraint)}`
}
