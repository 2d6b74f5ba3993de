import type { Acl } from '../../catalog/fragments.ts'
import { isMovedRoutine } from '../objects/moved.ts'
import { id } from '../../sql.ts'
import type { Lack } from './lacks.ts'
import { shown, type Model } from '../model.ts'

/** A list of privileges that a removal takes away, and its restore gives again. */
interface RestoredAcl {
  /** As messages call its object. */
  readonly name: string
  readonly schema: string
  readonly owner: string
  readonly acl: Acl
}

/** The lists of everything that is moved or recreated. */
function restoredAcls(model: Model): RestoredAcl[] {
  const { snapshot } = model
  const isSequence = (oid: string) => model.relation(oid).relkind === 'S' && model.nodes.has(`pg_class:${oid}:0`)
  const leaves = (oid: string) => model.moved.has(oid) || model.views.has(oid) || isSequence(oid)
  return [
    ...snapshot.relations
      .filter((r) => leaves(r.oid))
      .map((r) => ({
        name: `${r.relkind === 'S' ? 'sequence' : 'relation'} ${shown(model.name(r.oid))}`,
        schema: r.nspname,
        owner: r.owner,
        acl: r.relacl,
      })),
    ...snapshot.relations
      .filter((r) => leaves(r.oid))
      .flatMap((r) =>
        r.system_columns.map((c) => ({
          name: `column ${shown(model.name(r.oid))}.${c.attname}`,
          schema: r.nspname,
          owner: r.owner,
          acl: c.attacl,
        })),
      ),
    ...snapshot.columns
      .filter((c) => leaves(c.attrelid) || model.isRemoved(c.attrelid, c.attnum))
      .map((c) => ({
        name: `column ${shown(model.name(c.attrelid))}.${c.attname}`,
        schema: model.name(c.attrelid).schema,
        owner: model.relation(c.attrelid).owner,
        acl: c.attacl,
      })),
    ...snapshot.routines
      .filter((r) => !isMovedRoutine(model, r))
      .map((r) => ({
        name: `function ${r.nspname}.${r.proname}(${r.argument_types})`,
        schema: r.nspname,
        owner: r.owner,
        acl: r.proacl,
      })),
  ]
}

const byOthers = ({ acl, owner }: RestoredAcl) => (acl ?? []).filter((e) => e.grantor !== owner)

/** Privileges that someone else than the owner granted, whom the session may not act for. */
export function grantorReasons(model: Model): string[] {
  const me = model.snapshot.environment.current_user
  return restoredAcls(model).flatMap((list) =>
    byOthers(list)
      .filter((e) => !mayActAs(model, e.grantor))
      .map((e) => `a privilege on ${list.name} was granted by ${e.grantor}, whom ${me} may not act for`),
  )
}

/** What such a grantor lacks to grant again: it must be able to see the object. */
export function grantorsWithoutUsage(model: Model): Lack[] {
  const mayUse = (role: string, schema: string) =>
    model.snapshot.schemaRights.find((r) => r.rolname === role && r.nspname === schema)?.may_use ?? false
  return restoredAcls(model).flatMap((list) =>
    byOthers(list)
      .filter((e) => !mayUse(e.grantor, list.schema))
      .map((e) => ({
        what: `USAGE on schema ${list.schema}, for role ${e.grantor}, who granted a privilege on ${list.name}`,
        grant: `grant usage on schema ${id(list.schema)} to ${id(e.grantor)}`,
      })),
  )
}

/** Whether the session may act for a role. */
export const mayActAs = (model: Model, role: string) =>
  model.snapshot.environment.superuser || model.snapshot.roles.some((r) => r.rolname === role && r.usable && r.settable)
