import type { Constraint } from '../../catalog/constraint.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { id, qualified } from '../../sql.ts'
import type { Model } from '../model.ts'
import { comment, type Recreated } from './objects.ts'
import { ofMember } from '../tree.ts'

/** A check of a partitioned table comes with a copy in each partition, which may have a comment, and may be valid where it is not. */
export function withCopies(model: Model, check: Constraint, object: Recreated): Recreated {
  if (check.contype !== 'c') return object
  const below = partitionsBelow(model, check.conrelid)
  const copies = model.snapshot.constraints.filter(
    (k) => k.contype === 'c' && k.inherited && k.conname === check.conname && below.has(k.conrelid),
  )
  const table = (k: Constraint) => qualified(model.name(k.conrelid))
  const validate = copies
    .filter((k) => k.convalidated && !check.convalidated)
    .flatMap((k) => ofMember(model, k.conrelid, [`alter table ${table(k)} validate constraint ${id(k.conname)}`]))
  return {
    ...object,
    create: [
      ...object.create,
      ...copies.flatMap((k) =>
        ofMember(model, k.conrelid, comment(`constraint ${id(k.conname)} on ${table(k)}`, k.description)),
      ),
    ],
    validate: validate.length > 0 ? { sql: validate.join(';\n'), foreignKey: false, locks: [] } : object.validate,
  }
}

function partitionsBelow(model: Model, oid: Oid): ReadonlySet<Oid> {
  const below = new Set<Oid>()
  for (const { relid, parent } of model.snapshot.members) if (parent === oid || below.has(parent)) below.add(relid)
  return below
}
