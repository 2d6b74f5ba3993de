import { isForReferencedPartition, type Constraint } from '../../catalog/constraint.ts'
import type { Node } from '../../catalog/dependency.ts'
import type { Needed } from '../../catalog/needed.ts'
import { id, qualified } from '../../sql.ts'
import { storedColumns } from '../objects/host.ts'
import { forOther, isOthers, type Lack } from './lacks.ts'
import { shown, type Model } from '../model.ts'
import { isMovedRoutine } from '../objects/moved.ts'
import { needsRecreation } from '../parts.ts'
import { lostReads } from '../unchanged/reads.ts'

/**
 * What the session lacks on the tables themselves: an owner has every privilege unless
 * it was taken away, and what was taken away is missing in the restore too.
 */
export function lostRights(model: Model): Lack[] {
  const { snapshot } = model
  const me = snapshot.environment.current_user
  const lacks: Lack[] = []
  const demand = (oid: string, privilege: string) => {
    const name = model.name(oid)
    if (!model.relation(oid).privileges.includes(privilege))
      lacks.push({
        what: `${privilege} on table ${shown(name)}`,
        grant: `grant ${privilege.toLowerCase()} on table ${qualified(name)} to ${id(me)}`,
      })
  }
  const execute = (routine: string) =>
    lacks.push({
      what: `EXECUTE on function ${routine}`,
      grant: `grant execute on routine ${routine} to ${id(me)}`,
    })
  for (const oid of model.removed.keys()) for (const p of ['SELECT', 'UPDATE', 'TRIGGER']) demand(oid, p)
  for (const { relid, isleaf } of snapshot.members) {
    demand(relid, 'TRIGGER')
    if (isleaf) demand(relid, 'SELECT')
  }
  for (const k of snapshot.constraints)
    if (k.contype === 'f' && !isForReferencedPartition(k) && model.nodes.has(`pg_constraint:${k.oid}:0`)) {
      demand(k.confrelid, 'REFERENCES')
      // parents are looked for in tables that stay; moved ones are ours meanwhile
      if (losesParents(model, k) && !model.moved.has(k.confrelid)) demand(k.confrelid, 'SELECT')
    }
  for (const t of snapshot.triggers)
    if (needsRecreation(model, 'pg_trigger', t.oid, t.tgrelid)) {
      demand(t.tgrelid, 'TRIGGER')
      if (!t.callable) execute(t.function)
    }
  // what goes with the columns is not there when they are filled
  for (const { dependent, routine } of snapshot.uncallable) if (!model.nodes.has(dependent)) execute(routine)
  return [...lacks, ...lostNeeds(model), ...lostTablespaces(model), ...lostReads(model)]
}

/** Whether its rows, or their references, are set aside where a parent goes meanwhile. */
function losesParents(model: Model, { conrelid, conkey }: Constraint): boolean {
  if (model.moved.has(conrelid)) return true
  const emptied = storedColumns(model, conrelid).filter((c) => !c.attnotnull)
  return (conkey ?? []).every((attnum) => emptied.some((c) => c.attnum === attnum))
}

/** On what the definitions that are created again speak of: its schema, and what it is asked for when they are created or filled. */
function lostNeeds(model: Model): Lack[] {
  const { environment, schemaRights, needed } = model.snapshot
  const me = environment.current_user
  const closed = (schema: string | null | undefined) =>
    schemaRights.some((r) => r.rolname === me && r.nspname === schema && !r.may_use)
  return needed.flatMap((need) => {
    const node = model.nodes.get(need.dependent)
    if (!node || !isCreatedAgain(model, node)) return []
    const { schema } = need
    return [
      ...(schema && closed(schema)
        ? [{ what: `USAGE on schema ${schema}`, grant: `grant usage on schema ${id(schema)} to ${id(me)}` }]
        : []),
      ...(need.held === false && isAskedFor(model, node, need) ? [lackOf(need, me)] : []),
    ]
  })
}

/** What stays attached to a moved table, and functions and types that are renamed, are not. */
function isCreatedAgain(model: Model, { catalog, objid, owner_relid, relkind }: Node): boolean {
  if (catalog === 'pg_proc') return model.snapshot.routines.some((r) => r.oid === objid && !isMovedRoutine(model, r))
  if (catalog === 'pg_type' || relkind === 'S') return false
  const owner = owner_relid ?? objid
  if (!model.moved.has(owner)) return true
  return catalog === 'pg_constraint'
    ? model.snapshot.constraints.some((k) => k.oid === objid && k.contype === 'f')
    : ['pg_policy', 'pg_rewrite', 'pg_trigger'].includes(catalog) && needsRecreation(model, catalog, objid, owner)
}

/** Of types, for columns and arguments; of functions and sequences, where an expression is evaluated for rows. */
function isAskedFor(
  model: Model,
  { catalog, objsubid, owner_relid, relkind, subkind }: Node,
  { type }: Needed,
): boolean {
  if (type === 'type') return catalog === 'pg_proc' || (catalog === 'pg_class' && objsubid > 0)
  switch (catalog) {
    case 'pg_attrdef':
      return !model.views.has(owner_relid ?? '')
    case 'pg_constraint':
      return subkind === 'c'
    case 'pg_class':
      // a generated column, to PostgreSQL 14
      return relkind === 'i' || relkind === 'I' || objsubid > 0
    case 'pg_rewrite': {
      const view = model.relations.get(owner_relid ?? '')
      return view?.relkind === 'm' && view.relispopulated
    }
    default:
      return false
  }
}

function lackOf({ type, names, args, description, role }: Needed, me: string): Lack {
  const to = `to ${id(role ?? me)}`
  // an array has the privileges of its elements
  if (type === 'type')
    return {
      what: `USAGE on ${description}`,
      grant: `grant usage on type ${(names[0] ?? '').replace(/(\[\])+$/, '')} ${to}`,
    }
  if (type === 'sequence')
    return { what: `USAGE on ${description}`, grant: `grant usage on sequence ${id(...names)} ${to}` }
  return {
    what: `EXECUTE on ${description}${forOther(role, me)}`,
    grant: `grant execute on routine ${id(...names)}(${args.join(', ')}) ${to}`,
    ...(isOthers(role, me) && { others: true }),
  }
}

/** Indexes and materialized views are built again where they were. */
function lostTablespaces(model: Model): Lack[] {
  const { environment, indexes, relations } = model.snapshot
  const views = relations.filter((r) => model.views.has(r.oid))
  const built = indexes.filter((i) => model.nodes.has(`pg_class:${i.indexrelid}:0`) && !model.moved.has(i.indrelid))
  return [...views, ...built]
    .flatMap(({ tablespace }) => tablespace ?? [])
    .filter((tablespace) => environment.closed_tablespaces.includes(tablespace))
    .map((tablespace) => ({
      what: `CREATE on tablespace ${tablespace}`,
      grant: `grant create on tablespace ${id(tablespace)} to ${id(environment.current_user)}`,
    }))
}
