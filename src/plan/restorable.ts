import type { AclEntry } from '../catalog/fragments.ts'
import { UnshipError, type Suggestion } from '../errors.ts'
import { backupName } from '../names.ts'
import type { Dependents } from './dependents.ts'
import { generatedColumns, planHost, storedColumns, usableKey } from './host.ts'
import { isMovedRoutine } from './moved.ts'
import { keptTriggers } from './kept-triggers.ts'
import { shown, type Model } from './model.ts'

/**
 * Refuses what could not be restored exactly, before anything changes; each
 * refusal lists all that it has found.
 *
 * @returns warnings: what could not be decided from the catalog.
 */
export function checkRestorable(model: Model, found: Dependents): string[] {
  refuseUndeclared(model, found)
  refuseUnrestorable(model, found)
  refuseOwnership(model)
  refuseRights(model)
  refuseRowSecurity(model)
  refuseKeys(model)
  refuseFillers(model)
  refuseRewrites(model)
  refuseTakenNames(model)
  return mentions(model)
}

function refuseUndeclared(model: Model, { undeclared, suggestion, refused }: Dependents): void {
  const triggers = keptTriggers(model)
  if (undeclared.length === 0 && triggers.length === 0) return
  const complete: Suggestion = structuredClone(suggestion)
  for (const { table, name } of triggers) {
    const tables = (complete.triggers ??= {})
    const names = (tables[table] ??= [])
    if (!names.includes(name)) names.push(name)
  }
  const detail = [
    ...undeclared.map((node) => `${node.description} depends on it.`),
    ...triggers.map(
      (t) => `trigger ${t.name} on ${t.table} would fail: function ${t.function} mentions ${t.mentions.join(', ')}.`,
    ),
    ...refused.map((reason) => `${reason}.`),
  ]
  throw new UnshipError({
    code: undeclared.length > 0 ? 'undeclared_dependents' : 'kept_trigger',
    message:
      undeclared.length > 0
        ? `cannot remove feature ${model.feature.name} because other objects depend on it`
        : `cannot remove feature ${model.feature.name} because a trigger that stays would fail without it`,
    detail: detail.join('\n'),
    hint: `If they belong to the feature, add to its declaration:\n${JSON.stringify(complete, null, 2)}${
      triggers.length > 0
        ? '\nA trigger that works without the feature can be named under acknowledge.triggers instead.'
        : ''
    }`,
    suggestion: complete,
  })
}

function refuseUnrestorable(model: Model, { refused }: Dependents): void {
  const reasons = [...refused, ...relationReasons(model), ...columnReasons(model), ...otherReasons(model)]
  if (reasons.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${model.feature.name} cannot be restored exactly, so it is not removed`,
    detail: [...new Set(reasons)].map((r) => `${r}.`).join('\n'),
    hint: 'Nothing was changed.',
  })
}

function relationReasons(model: Model): string[] {
  const reasons: string[] = []
  const { snapshot } = model
  for (const oid of new Set([...model.removed.keys(), ...model.moved, ...model.views])) {
    const r = model.relation(oid)
    const name = `${model.isHost(oid) ? 'host table' : 'relation'} ${shown(model.name(oid))}`
    if (r.relkind === 'p') reasons.push(`${name} is partitioned`)
    if (r.relkind === 'f') reasons.push(`${name} is a foreign table`)
    if (r.relispartition) reasons.push(`${name} is a partition`)
    else if (r.parents.length > 0) reasons.push(`${name} inherits from ${r.parents.join(', ')}`)
    if (r.children.length > 0 && r.relkind !== 'p') reasons.push(`${name} has tables that inherit from it`)
    if (r.typed) reasons.push(`${name} is a typed table`)
    if (r.relpersistence === 't') reasons.push(`${name} is temporary`)
    if (r.extensions.length > 0) reasons.push(`${name} belongs to extension ${r.extensions.join(', ')}`)
    if (r.labelled) reasons.push(`${name} has a security label`)
    if (r.publications.length > 0)
      reasons.push(`${name} is published by ${r.publications.join(', ')}: its subscribers would break`)
    if (model.isHost(oid) && snapshot.rules.some((x) => x.ev_class === oid && x.ev_type === '2'))
      reasons.push(`${name} has a rule on UPDATE`)
    if (model.isHost(oid) && r.max_attnum + (model.removed.get(oid)?.length ?? 0) > 1600)
      reasons.push(
        `${name} has used ${String(r.max_attnum)} of 1600 column numbers: its columns could not be added again`,
      )
    reasons.push(...grantorReasons(model, r.relacl, r.owner, name))
  }
  for (const { pubname, nspname } of snapshot.environment.wide_publications)
    if (nspname === null || [...model.removed.keys(), ...model.moved].some((oid) => model.name(oid).schema === nspname))
      reasons.push(`publication ${pubname} would publish the backups`)
  return reasons
}

function grantorReasons(model: Model, acl: readonly AclEntry[] | null, owner: string, name: string): string[] {
  if (model.snapshot.environment.superuser) return []
  return (acl ?? [])
    .filter((e) => e.grantor !== owner && !mayActAs(model, e.grantor))
    .map(
      (e) =>
        `a privilege on ${name} was granted by ${e.grantor}, whom ${model.snapshot.environment.current_user} may not act for`,
    )
}

const mayActAs = (model: Model, role: string) =>
  model.snapshot.environment.superuser || model.snapshot.roles.some((r) => r.rolname === role && r.usable && r.settable)

function columnReasons(model: Model): string[] {
  const reasons: string[] = []
  const { snapshot } = model
  for (const [oid, columns] of model.removed) {
    const table = shown(model.name(oid))
    for (const c of columns) {
      if (c.inherited) reasons.push(`column ${table}.${c.attname} is inherited`)
      if (c.labelled) reasons.push(`column ${table}.${c.attname} has a security label`)
    }
    for (const i of snapshot.indexes.filter((x) => x.indrelid === oid)) {
      const over = i.table_columns.some((n) => model.isRemoved(oid, n))
      if (!over) continue
      if (i.indisprimary) reasons.push(`primary key ${i.relname} of ${table} holds a removed column`)
      if (i.indisreplident) reasons.push(`index ${i.relname} of ${table} is its replica identity`)
      if (!i.indisvalid) reasons.push(`index ${i.relname} of ${table} is not valid: drop or rebuild it first`)
      if (i.tablespace !== null) reasons.push(`index ${i.relname} of ${table} is in tablespace ${i.tablespace}`)
      const defaults = i.indkey.slice(0, i.indnkeyatts).map((n) => columns.find((c) => c.attnum === n))
      if (
        i.indisunique &&
        !i.partial &&
        defaults.every((c) => c !== undefined && c.default !== null && c.default_constant)
      )
        reasons.push(
          `rows inserted meanwhile could not satisfy unique index ${i.relname}: they all get the same default`,
        )
    }
    if (columns.length === model.columns(oid).length)
      reasons.push(`all columns of ${table} are declared: declare the table instead`)
    for (const other of snapshot.columns)
      if (other.atttypid === model.relation(oid).reltype)
        reasons.push(`column ${shown(model.name(other.attrelid))}.${other.attname} stores rows of ${table}`)
  }
  return reasons
}

function otherReasons(model: Model): string[] {
  const reasons: string[] = []
  const { snapshot } = model
  const { environment } = snapshot
  for (const name of environment.event_triggers) reasons.push(`event trigger ${name} could abort the restore`)
  for (const r of snapshot.routines) {
    const name = `function ${r.nspname}.${r.proname}(${r.argument_types})`
    if (r.extensions.length > 0) reasons.push(`${name} belongs to extension ${r.extensions.join(', ')}`)
    if (r.labelled) reasons.push(`${name} has a security label`)
    if (r.event_triggers.length > 0) reasons.push(`${name} serves event trigger ${r.event_triggers.join(', ')}`)
    if (!isMovedRoutine(model, r)) reasons.push(...grantorReasons(model, r.proacl, r.owner, name))
  }
  for (const t of snapshot.types)
    if (t.extensions.length > 0 && t.typtype !== 'b') reasons.push(`type ${t.typname} belongs to an extension`)
  for (const t of snapshot.triggers)
    if (t.cloned && model.nodes.has(`pg_trigger:${t.oid}:0`))
      reasons.push(`trigger ${t.tgname} comes from a partitioned table`)
  return reasons
}

/** Everything that the removal changes must belong to the session's role, or to one that it is a member of. */
function refuseOwnership(model: Model): void {
  const { snapshot } = model
  const foreign = [
    ...snapshot.relations
      .filter(
        (r) =>
          (model.isHost(r.oid) || model.moved.has(r.oid) || model.views.has(r.oid) || changesOn(model, r.oid)) &&
          !r.owned,
      )
      .map((r) => `${r.relkind === 'v' ? 'view' : 'table'} ${shown(model.name(r.oid))} belongs to ${r.owner}`),
    ...snapshot.routines
      .filter((r) => !r.owned)
      .map((r) => `function ${r.proname}(${r.argument_types}) belongs to ${r.owner}`),
    ...snapshot.types
      .filter((t) => !t.owned && model.declared.has(`pg_type:${t.oid}:0`))
      .map((t) => `type ${t.typname} belongs to ${t.owner}`),
    ...snapshot.statistics
      .filter((s) => !s.owned && model.nodes.has(`pg_statistic_ext:${s.oid}:0`))
      .map((s) => `statistics ${s.stxname} belongs to ${s.owner}`),
  ]
  if (foreign.length === 0) return
  const me = snapshot.environment.current_user
  throw new UnshipError({
    code: 'not_owner',
    message: `role ${me} is not the owner of what feature ${model.feature.name} changes`,
    detail: foreign.map((f) => `${f}.`).join('\n'),
    hint: `Run the migration as the owner, or grant that role to ${me}.`,
  })
}

/** A table that stays but loses a declared constraint, trigger, policy or rule. */
const changesOn = (model: Model, oid: string) =>
  model.snapshot.declared.some(
    (d) =>
      ['constraints', 'triggers', 'policies', 'rules'].includes(d.field) &&
      d.schema === model.name(oid).schema &&
      d.name === model.name(oid).name,
  )

function refuseRights(model: Model): void {
  const { environment, schemaRights, snapshot } = { ...model.snapshot, snapshot: model.snapshot }
  const me = environment.current_user
  const mayCreate = (role: string, schema: string) =>
    schemaRights.find((r) => r.rolname === role && r.nspname === schema)?.may_create ?? false
  const lacks: string[] = []
  if (environment.ledger_exists ? !environment.ledger_usable : !environment.create_on_database)
    lacks.push(
      environment.ledger_exists
        ? `CREATE on schema unship, where the ledger is`
        : `CREATE on database ${environment.database}, to create the ledger's schema`,
    )
  const owners = new Map<string, Set<string>>()
  const needs = (schema: string, owner: string) => owners.set(schema, (owners.get(schema) ?? new Set()).add(owner))
  for (const oid of [...model.removed.keys(), ...model.moved]) needs(model.name(oid).schema, me)
  for (const oid of model.views)
    needs(model.name(oid).schema, model.relation(oid).owner).get(model.name(oid).schema)?.add(me)
  for (const r of snapshot.routines) needs(r.nspname, r.owner).get(r.nspname)?.add(me)
  for (const [schema, roles] of owners)
    for (const role of roles) {
      if (!mayCreate(role, schema)) lacks.push(`CREATE on schema ${schema}${role === me ? '' : `, for role ${role}`}`)
      if (role !== me && !mayActAs(model, role)) lacks.push(`membership in role ${role}`)
    }
  for (const k of snapshot.constraints)
    if (
      k.contype === 'f' &&
      model.moved.has(k.conrelid) &&
      !model.relation(k.confrelid).referenceable &&
      !model.relation(k.confrelid).owned
    )
      lacks.push(`REFERENCES on table ${shown(model.name(k.confrelid))}`)
  if (lacks.length === 0) return
  throw new UnshipError({
    code: 'missing_privilege',
    message: `role ${me} lacks privileges to remove feature ${model.feature.name} and restore it`,
    detail: [...new Set(lacks)].map((l) => `${l}.`).join('\n'),
    hint: `Grant them to ${me}, or run the migration as a role that has them.`,
  })
}

function refuseRowSecurity(model: Model): void {
  const hidden = [...model.removed.keys()].filter((oid) => model.relation(oid).row_security_active)
  if (hidden.length === 0) return
  const me = model.snapshot.environment.current_user
  throw new UnshipError({
    code: 'row_security',
    message: `row level security would hide rows of ${hidden.map((oid) => shown(model.name(oid))).join(', ')} from the backup`,
    detail: `Policies apply to role ${me} there, so a copy could miss rows without an error.`,
    hint: `Run the migration as a role with BYPASSRLS, or without FORCE ROW LEVEL SECURITY as the table's owner.`,
  })
}

function refuseKeys(model: Model): void {
  const without = [...model.removed.keys()].filter(
    (oid) => storedColumns(model, oid).length > 0 && !usableKey(model, oid),
  )
  if (without.length === 0) return
  throw new UnshipError({
    code: 'no_usable_key',
    message: `table ${without.map((oid) => shown(model.name(oid))).join(', ')} has no key to find its rows again`,
    detail:
      'A backup of columns needs a primary key, or a unique, immediate, complete index over NOT NULL columns that stay.',
    hint: 'Add a primary key to the table.',
  })
}

function refuseFillers(model: Model): void {
  const lacking = [...model.removed].flatMap(([oid]) =>
    storedColumns(model, oid)
      .filter((c) => c.attnotnull && c.default === null && c.attidentity === '')
      .filter((c) => !model.perTable(model.feature.fill, model.name(oid))?.[c.attname])
      .map((c) => ({ table: model.spell(model.name(oid)), column: c.attname })),
  )
  if (lacking.length === 0) return
  const fill: Record<string, Record<string, string>> = {}
  for (const { table, column } of lacking) (fill[table] ??= {})[column] = '<SQL expression>'
  throw new UnshipError({
    code: 'fill_value_missing',
    message: `rows inserted while the feature is away could not satisfy NOT NULL`,
    detail: lacking.map((l) => `Column ${l.table}.${l.column} is NOT NULL and has no default.`).join('\n'),
    hint: `Declare what such rows are given on restore:\n${JSON.stringify({ fill }, null, 2)}`,
  })
}

/** What comes back only by rewriting or scanning its table under lock has to be acknowledged. */
function refuseRewrites(model: Model): void {
  const rewrites: Record<string, string[]> = {}
  const detail: string[] = []
  const demand = (oid: string, name: string, why: string) => {
    const table = model.spell(model.name(oid))
    if (model.perTable(model.feature.acknowledge?.rewrites, model.name(oid))?.includes(name)) return
    ;(rewrites[table] ??= []).push(name)
    detail.push(`${table}.${name}: ${why}.`)
  }
  for (const oid of model.removed.keys()) {
    for (const c of generatedColumns(model, oid))
      if (c.attgenerated === 's') demand(oid, c.attname, 'a stored generated column rewrites the table')
    for (const c of storedColumns(model, oid))
      if (c.constrained_domain) demand(oid, c.attname, 'a constrained domain rewrites the table')
  }
  for (const k of model.snapshot.constraints)
    if (k.contype === 'x' && model.isHost(k.conrelid) && model.nodes.has(`pg_constraint:${k.oid}:0`))
      demand(k.conrelid, k.conname, 'an exclusion constraint builds its index under lock')
  if (detail.length === 0) return
  const suggestion: Suggestion = { acknowledge: { rewrites } }
  throw new UnshipError({
    code: 'rewrite_not_acknowledged',
    message: `restoring feature ${model.feature.name} would hold a lock for as long as its tables are large`,
    detail: detail.join('\n'),
    hint: `If that is acceptable, add to the declaration:\n${JSON.stringify(suggestion, null, 2)}`,
    suggestion,
  })
}

function refuseTakenNames(model: Model): void {
  const wanted: { schema: string; name: string; catalog: string }[] = []
  const want = (catalog: string, schema: string, name: string) => wanted.push({ catalog, schema, name })
  for (const oid of model.removed.keys())
    if (storedColumns(model, oid).length > 0) {
      const { backup } = planHost(model, oid)
      want('pg_class', backup.schema, backup.name)
    }
  for (const oid of model.moved) want('pg_class', model.name(oid).schema, backupName(model.name(oid).name))
  for (const i of model.snapshot.indexes)
    if (model.moved.has(i.indrelid)) want('pg_class', i.nspname, backupName(i.relname))
  for (const t of model.snapshot.types)
    if (model.declared.has(`pg_type:${t.oid}:0`)) want('pg_type', t.nspname, backupName(t.typname))
  const taken = wanted.filter((w) =>
    model.snapshot.taken.some((t) => t.catalog === w.catalog && t.nspname === w.schema && t.name === w.name),
  )
  if (taken.length === 0) return
  throw new UnshipError({
    code: 'backup_exists',
    message: `${taken.map((t) => shown(t)).join(', ')} already exists`,
    detail: 'The removal keeps its backup under that name. What stands there is not a backup that the ledger knows.',
    hint: `Look at what it holds, then rename it: alter table … rename to …`,
  })
}

/** Functions that PostgreSQL does not tie to what their text mentions. */
function mentions(model: Model): string[] {
  return model.snapshot.mentions
    .filter((m) => !model.nodes.has(`pg_proc:${m.objid}:0`))
    .map((m) => `function ${m.signature} mentions ${m.names.join(', ')} in its text and may fail without the feature`)
}
