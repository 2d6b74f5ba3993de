import type { Constraint } from '../../catalog/constraint.ts'
import type { Relation } from '../../catalog/relation.ts'
import type { Trigger } from '../../catalog/trigger.ts'
import { hiddenName } from '../../names.ts'
import { orderReasons, textReasons } from './early-reasons.ts'
import { keptTextReasons } from './kept-texts.ts'
import { enabledReasons } from './enabled-reasons.ts'
import { grantorReasons } from './grantors.ts'
import { goingIndexReasons, indexReasons } from './index-reasons.ts'
import { usableKey } from './key.ts'
import { leftBehind } from './left-behind.ts'
import { isMovedRoutine } from '../objects/moved.ts'
import { shown, type Model } from '../model.ts'
import { namingReasons } from './namings.ts'
import { dependsOnDropped, needsRecreation } from '../parts.ts'
import { keptRowReasons, placeReasons } from './place-reasons.ts'
import { publicationReasons } from './published-reasons.ts'
import { boundReasons } from '../objects/referenced-index.ts'

/** Why the feature could not be restored exactly: one sentence for each reason, without a full stop. */
export const reasonsAgainst = (model: Model): string[] => [
  ...relationReasons(model),
  ...publicationReasons(model),
  ...columnReasons(model),
  ...orderReasons(model),
  ...textReasons(model),
  ...keptTextReasons(model),
  ...goingIndexReasons(model),
  ...placeReasons(model),
  ...keptRowReasons(model),
  ...namingReasons(model),
  ...otherReasons(model),
  ...movedReasons(model),
  ...grantorReasons(model),
  ...inheritedReasons(model),
  ...partitionReasons(model),
  ...strayReasons(model),
  ...boundReasons(model),
  ...enabledReasons(model),
  ...leftBehind(model),
]

function relationReasons(model: Model): string[] {
  const reasons: string[] = []
  const { snapshot } = model
  for (const oid of new Set([...model.gone.keys(), ...model.moved, ...model.views])) {
    const r = model.relation(oid)
    const ofHost = model.rootOf(oid) !== null
    const name = `${ofHost ? 'partition' : model.isHost(oid) ? 'host table' : 'relation'} ${shown(model.name(oid))}`
    if (r.relkind === 'f') reasons.push(`${name} is a foreign table`)
    if (!ofHost) reasons.push(...treeReasons(model, r, name))
    // it has the columns still, as its parent's, and would keep them for ever
    for (const child of r.detaching_children)
      reasons.push(`${child} is being detached from ${shown(model.name(oid))}: finalize that first`)
    if (r.typed && !model.moved.has(oid)) reasons.push(`${name} is a typed table`)
    if (r.relpersistence === 't') reasons.push(`${name} is temporary`)
    if (r.extensions.length > 0) reasons.push(`${name} belongs to extension ${r.extensions.join(', ')}`)
    if (r.labelled) reasons.push(`${name} has a security label`)
    if (r.subscriptions.length > 0)
      reasons.push(`${name} is filled by subscription ${r.subscriptions.join(', ')}, which would break`)
    if (model.isHost(oid) && snapshot.rules.some((x) => x.ev_class === oid && x.ev_type === '2'))
      reasons.push(`${name} has a rule on UPDATE`)
    if (model.isHost(oid) && r.max_attnum + (model.gone.get(oid)?.length ?? 0) > 1600)
      reasons.push(
        `${name} has used ${String(r.max_attnum)} of 1600 column numbers: its columns could not be added again`,
      )
  }
  return reasons
}

/** A tree of tables leaves as a whole: what a child has from its parent would not be told from its own when it is tied to it again. */
function treeReasons(model: Model, r: Relation, name: string): string[] {
  const { oid, relispartition, parents, children, relkind } = r
  const reasons: string[] = []
  const above = model.parents.get(oid) ?? []
  const withParents = above.length === parents.length && above.every((parent) => model.moved.has(parent))
  if (!withParents && relispartition)
    reasons.push(
      `${name} is a partition of ${parents.join(', ')}, which stays${model.isHost(oid) ? ': declare the columns of the partitioned table' : ''}`,
    )
  // of a table that stays, columns of its own come back as its own
  else if (!withParents && parents.length > 0 && !model.isHost(oid))
    reasons.push(`${name} inherits from ${parents.join(', ')}`)
  if (relkind !== 'p' && children.some((child) => !model.moved.has(child)))
    reasons.push(`${name} has tables that inherit from it`)
  if (r.detaching) reasons.push(`${name} is being detached from ${parents.join(', ')}: finalize that first`)
  return reasons
}

function columnReasons(model: Model): string[] {
  const reasons: string[] = []
  const { snapshot } = model
  for (const [oid, columns] of model.gone) {
    const table = shown(model.name(oid))
    for (const c of columns) {
      if (c.inherited && model.rootOf(oid) === null) reasons.push(`column ${table}.${c.attname} is inherited`)
      if (c.labelled) reasons.push(`column ${table}.${c.attname} has a security label`)
      const inTree = model.relation(oid).relkind === 'p' || model.rootOf(oid) !== null
      if (c.not_null_name !== null && !c.not_null_validated && (inTree || c.attgenerated !== ''))
        reasons.push(`NOT NULL constraint ${c.not_null_name} of ${table} is NOT VALID: validate it first`)
    }
    for (const c of [...columns, ...(usableKey(model, oid)?.columns ?? [])])
      if (c.attname === 'backed_up_at' || c.attname === 'unship_truncated')
        reasons.push(`column ${table}.${c.attname} has a name that the backup needs for itself`)
    reasons.push(...indexReasons(model, oid, columns))
    if (columns.length === model.columns(oid).length)
      reasons.push(`all columns of ${table} are declared: declare the table instead`)
    const triggers = snapshot.triggers.filter((t) => t.tgrelid === oid).map((t) => t.tgname)
    const hidden = new Set(
      [...columns.flatMap((c) => [c.attname, `${c.attname}_not_null`]), ...triggers].map(hiddenName),
    )
    const taken = [
      ...triggers.map((name) => ({ what: 'trigger', name })),
      ...model.columns(oid).map((c) => ({ what: 'column', name: c.attname })),
      ...snapshot.constraints.filter((k) => k.conrelid === oid).map((k) => ({ what: 'constraint', name: k.conname })),
    ].filter(({ name }) => hidden.has(name))
    for (const { what, name } of taken)
      reasons.push(`${what} ${name} of ${table} has a name that the restore needs for itself`)
    for (const other of model.relation(oid).stored_in)
      if (!model.views.has(other.relid)) reasons.push(`column ${shown(other)}.${other.column} stores rows of ${table}`)
    for (const k of snapshot.constraints)
      if (k.conrelid === oid && k.whole_row) reasons.push(`check ${k.conname} of ${table} is over the whole row`)
  }
  return reasons
}

function otherReasons(model: Model): string[] {
  const reasons: string[] = []
  const { snapshot } = model
  const { environment } = snapshot
  for (const name of environment.event_triggers)
    if (!model.feature.acknowledge?.eventTriggers?.includes(name))
      reasons.push(
        `event trigger ${name} could abort the restore; if it does not, name it under acknowledge.eventTriggers`,
      )
  for (const r of snapshot.routines) {
    const name = `function ${r.nspname}.${r.proname}(${r.argument_types})`
    if (r.extensions.length > 0) reasons.push(`${name} belongs to extension ${r.extensions.join(', ')}`)
    if (r.labelled) reasons.push(`${name} has a security label`)
    if (r.event_triggers.length > 0) reasons.push(`${name} serves event trigger ${r.event_triggers.join(', ')}`)
  }
  for (const t of snapshot.types)
    if (t.typtype === 'p') reasons.push(`type ${t.typname} is a shell type`)
    else if (t.extensions.length > 0 && (t.typtype !== 'b' || model.declared.has(`pg_type:${t.oid}:0`)))
      reasons.push(`type ${t.typname} belongs to an extension`)
  for (const k of snapshot.constraints)
    if (k.contype === 'f' && model.nodes.has(`pg_constraint:${k.oid}:0`)) {
      const name = `foreign key ${k.conname} of ${shown(model.name(k.conrelid))}`
      if (k.parent !== null && !model.nodes.has(`pg_constraint:${k.conparentid}:0`))
        reasons.push(`${name} is a part of ${k.parent.conname}: declare that`)
      const twin = model.isPartitioned(k.conrelid) && k.parent === null ? twinOf(model, k) : undefined
      if (twin) reasons.push(`${name} says the same as ${twin}: partitions' keys could not be told apart`)
      // its referenced rows are looked for in the backup of the whole
      if (model.rootOf(k.conrelid) !== null && k.parent === null) reasons.push(`${name} is one of a partitioned table`)
    }
  for (const t of snapshot.triggers)
    if (
      needsRecreation(model, 'pg_trigger', t.oid, t.tgrelid) &&
      !model.isHost(t.tgrelid) &&
      (t.cloned || isCopied(model, t))
    )
      reasons.push(`trigger ${t.tgname} of ${shown(model.name(t.tgrelid))} is one of a partitioned table`)
  return reasons
}

/** Another foreign key of the same columns to the same ones. */
const twinOf = (model: Model, key: Constraint) => {
  const between = (k: Constraint) => JSON.stringify([k.conrelid, k.columns, k.confrelid, k.referenced_columns])
  return model.snapshot.constraints.find(
    (k) => k.contype === 'f' && k.oid !== key.oid && k.parent === null && between(k) === between(key),
  )?.conname
}

/** A row trigger of a partitioned table has copies on its partitions, which may be enabled differently. */
const isCopied = (model: Model, { tgrelid, def }: Trigger) =>
  model.relation(tgrelid).relkind === 'p' && def.includes(' FOR EACH ROW ')

/** A function that has to be moved cannot stand on something that is dropped. */
function movedReasons(model: Model): string[] {
  return model.snapshot.routines
    .filter((r) => isMovedRoutine(model, r) && dependsOnDropped(model, `pg_proc:${r.oid}:0`))
    .map(
      (r) =>
        `function ${r.nspname}.${r.proname}(${r.argument_types}) can only be moved, and depends on a part of the feature that is dropped meanwhile`,
    )
}

/** What a child or partition has from its parent goes and comes only with that. */
function inheritedReasons(model: Model): string[] {
  const { snapshot } = model
  const here = (catalog: string, oid: string) => model.nodes.has(`${catalog}:${oid}:0`)
  const stays = (oid: string) => !model.moved.has(oid) && !model.views.has(oid)
  return [
    ...snapshot.constraints
      .filter(
        (k) =>
          k.contype === 'c' &&
          k.inherited &&
          model.rootOf(k.conrelid) === null &&
          stays(k.conrelid) &&
          here('pg_constraint', k.oid),
      )
      .map((k) => `constraint ${k.conname} of ${shown(model.name(k.conrelid))} is inherited`),
    ...snapshot.indexes
      .filter(
        (i) =>
          (i.attached || i.partitioned) &&
          !model.isHost(i.indrelid) &&
          stays(i.indrelid) &&
          here('pg_class', i.indexrelid),
      )
      .map((i) => `index ${i.relname} of ${shown(model.name(i.indrelid))} is one of a partitioned table`),
  ]
}

/** What a partitioned table that stays would not get back in its partitions as it was. */
function partitionReasons(model: Model): string[] {
  const { snapshot } = model
  const here = (catalog: string, oid: string) => model.nodes.has(`${catalog}:${oid}:0`)
  const inTree = (oid: string) => model.rootOf(oid) !== null || model.members(oid).length > 0
  return [
    ...snapshot.partitionKeys.flatMap(({ relid, columns }) =>
      (model.gone.get(relid) ?? [])
        .filter((c) => columns.includes(c.attname))
        .map((c) => `column ${shown(model.name(relid))}.${c.attname} belongs to the partition key`),
    ),
    ...snapshot.members.flatMap(({ root, relid, parent }) =>
      (model.gone.get(relid) ?? []).flatMap((own) => {
        const named = (of: string) => model.gone.get(of)?.find((c) => c.attname === own.attname)
        const column = `column ${shown(model.name(relid))}.${own.attname}`
        const above = named(parent)
        return [
          ...(own.attgenerated !== '' && own.default !== named(root)?.default
            ? [`${column} is generated otherwise than in the partitioned table`]
            : []),
          // made before its parent's and merged with it, it would count as the partition's own (conislocal)
          ...(above?.attnotnull && own.not_null_name !== above.not_null_name
            ? [
                `NOT NULL constraint ${own.not_null_name ?? ''} of ${column} has another name than the partitioned table's`,
              ]
            : []),
        ]
      }),
    ),
    ...snapshot.sequences
      .filter((s) => s.owner_kind === 'a' && model.rootOf(s.owner_relid ?? '') !== null)
      .filter((s) => model.isRemoved(s.owner_relid ?? '', s.owner_attnum ?? 0))
      .map((s) => `sequence ${shown(model.name(s.seqrelid))} belongs to a column of a partition`),
    ...snapshot.constraints
      .filter((k) => k.contype === 'x' && inTree(k.conrelid) && here('pg_constraint', k.oid))
      .map(
        (k) => `exclusion constraint ${k.conname} of ${shown(model.name(k.conrelid))} is one of a partitioned table`,
      ),
  ]
}

/** What a definition leaves out of an object that is created again, and no dump or statement would bring back. */
function strayReasons(model: Model): string[] {
  const { snapshot } = model
  const here = (catalog: string, oid: string) => model.nodes.has(`${catalog}:${oid}:0`)
  const extension = (what: string, { extensions }: { readonly extensions: readonly string[] }) =>
    extensions.length > 0 ? [`${what} depends on extension ${extensions.join(', ')}`] : []
  return [
    ...snapshot.indexes
      .filter((i) => here('pg_class', i.indexrelid) && !model.moved.has(i.indrelid))
      .flatMap((i) => extension(`index ${i.relname} of ${shown(model.name(i.indrelid))}`, i)),
    ...snapshot.triggers
      .filter((t) => needsRecreation(model, 'pg_trigger', t.oid, t.tgrelid))
      .flatMap((t) => extension(`trigger ${t.tgname} of ${shown(model.name(t.tgrelid))}`, t)),
    ...snapshot.relations
      .filter((r) => r.relkind === 'S' && here('pg_class', r.oid))
      .flatMap((r) => [
        ...(r.extensions.length > 0
          ? [`sequence ${shown(model.name(r.oid))} belongs to extension ${r.extensions.join(', ')}`]
          : []),
        ...(r.labelled ? [`sequence ${shown(model.name(r.oid))} has a security label`] : []),
      ]),
    ...snapshot.relations
      .filter((r) => model.views.has(r.oid) && r.unpopulated_sources.length > 0)
      .map(
        (r) =>
          `materialized view ${shown(model.name(r.oid))} could not be filled again: it reads ${r.unpopulated_sources.join(', ')}, which is not filled`,
      ),
    ...snapshot.relations
      .filter((r) => model.views.has(r.oid))
      .flatMap((r) =>
        snapshot.types
          .filter((t) => t.oid === r.reltype && (t.description !== null || t.typacl !== null))
          .map(() => `the row type of view ${shown(model.name(r.oid))} has a comment or privileges of its own`),
      ),
  ]
}
