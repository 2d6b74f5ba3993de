import type { Oid } from '../../catalog/fragments.ts'
import type { Sequence } from '../../catalog/sequence.ts'
import { qualified } from '../../sql.ts'
import { shown, type Model } from '../model.ts'

const EVENT = 'a crash of the server, or a switch to a standby,'

/**
 * What is moved stays unlogged, and is its own backup: a crash empties it, as it would have in its place. Copies of columns are
 * logged, whatever their table is.
 */
export function unloggedWarnings(model: Model): string[] {
  const isUnlogged = (oid: Oid) => model.relation(oid).relpersistence === 'u'
  const tables = [...model.moved].filter((oid) => isUnlogged(oid) && !model.isPartitioned(oid))
  const sequences = movedSequences(model)
    .filter((s) => !tables.some((oid) => oid === s.owner_relid))
    .map((s) => s.seqrelid)
    .filter(isUnlogged)
  return [
    ...tables.map((oid) => {
      const name = model.name(oid)
      return `table ${shown(name)} is unlogged: ${EVENT} empties its backup, and it comes back without its rows; to keep them, make it logged before the removal (alter table ${qualified(name)} set logged)`
    }),
    ...sequences.map((oid) => {
      const name = model.name(oid)
      return `sequence ${shown(name)} is unlogged: ${EVENT} sets it back to its start while the feature is away; to keep its value, make it logged before the removal (alter sequence ${qualified(name)} set logged)`
    }),
  ]
}

/** Those of declared tables and of serial columns, and those that are declared by themselves; an identity column's is made anew. */
const movedSequences = (model: Model): Sequence[] =>
  model.snapshot.sequences.filter(
    (s) =>
      model.declared.has(`pg_class:${s.seqrelid}:0`) ||
      (s.owner_relid !== null &&
        (model.moved.has(s.owner_relid) ||
          (s.owner_kind === 'a' && model.isRemoved(s.owner_relid, s.owner_attnum ?? 0)))),
  )
