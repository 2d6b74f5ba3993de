import { createHash } from 'node:crypto'
import { addressKey } from '../catalog/dependency.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { planClaims } from './refusals/claims.ts'
import { checkPresence } from './refusals/check.ts'
import { planCounts } from './data/counts.ts'
import { dependents } from './dependents.ts'
import { keptKeys } from './data/host-demands.ts'
import { planLocks } from './locks.ts'
import { Model } from './model.ts'
import { planMoved } from './objects/moved.ts'
import { collectParts, type Parts } from './parts.ts'
import type { CapturePlan, PlannedObject, RemovalPlan, RestorePhase, Statement } from './plan.ts'
import { plannedPublications } from './objects/publications.ts'
import { planProbes } from './refusals/probes.ts'
import { planTrials } from './refusals/trials.ts'
import { CAPTURE_MARKS, removalStatements } from './removal-statements.ts'
import { checkRestorable } from './refusals/restorable.ts'
import { returningKeys } from './returning-keys.ts'
import { planRewrites } from './rewrites.ts'
import { planNeeds } from './unchanged/needs.ts'
import { neededReads } from './unchanged/reads.ts'
import { planWarnings } from './refusals/warnings.ts'
import { planTakeBack, restoreStatements } from './restore-statements.ts'

/**
 * Turns a snapshot and a declaration into the statements of a removal and of
 * its restore. Pure.
 *
 * @throws {UnshipError} whatever the removal would refuse with.
 */
export function planFromSnapshot(snapshot: Snapshot, feature: FeatureDeclaration): RemovalPlan {
  const model = new Model(snapshot, feature)
  if (checkPresence(model) === 'absent') return absentPlan(model)
  checkRestorable(model, dependents(model))

  const parts = collectParts(model)

  const restore: Statement<RestorePhase>[] = []
  const captures: CapturePlan[] = []
  restoreStatements(model, { ...parts, restore, captures })
  const removal = removalStatements(model, parts)
  for (const { at, expression } of captures)
    if (!removal.some(({ sql }) => sql === CAPTURE_MARKS[at])) throw new Error(`nothing would store ${expression}`)

  return {
    feature: feature.name,
    schema: model.schema,
    absent: false,
    objects: plannedObjects(model, parts),
    hosts: parts.hosts,
    moved: [...model.moved].map((oid) => planMoved(model, oid)),
    keptKeys: keptKeys(model),
    locks: planLocks(model),
    publications: plannedPublications(model),
    takeBack: planTakeBack(model, parts),
    claims: planClaims(model),
    returningKeys: returningKeys(model, parts),
    needs: planNeeds(model, parts),
    reads: neededReads(model),
    removal,
    restore,
    captures,
    counts: planCounts(model),
    probes: [...planProbes(model), ...planTrials(model)],
    rewrites: planRewrites(model),
    warnings: planWarnings(model, parts.hosts),
    fingerprint: fingerprint([...removal, ...restore].map((s) => s.sql)),
  }
}

const fingerprint = (texts: readonly string[]) => createHash('sha256').update(texts.join('\n;\n')).digest('hex')

function absentPlan(model: Model): RemovalPlan {
  const nothing = {
    objects: [],
    hosts: [],
    moved: [],
    keptKeys: [],
    locks: { cutOver: [], add: [], reveal: [] },
    publications: [],
    takeBack: [],
    claims: [],
    returningKeys: [],
    needs: [],
    reads: [],
    removal: [],
    restore: [],
    captures: [],
    counts: [],
    probes: [],
    rewrites: { add: false, reveal: false },
    warnings: [],
  }
  return { feature: model.feature.name, schema: model.schema, absent: true, ...nothing, fingerprint: fingerprint([]) }
}

function plannedObjects(model: Model, parts: Parts): PlannedObject[] {
  const recreated = new Map(parts.recreated.map((object) => [object.key, object]))
  const renames = new Map([...parts.early, ...parts.tables].map((rename) => [rename.key, rename]))
  const text = (statements: readonly string[] | undefined) => (statements?.length ? statements.join(';\n') : null)
  return model.snapshot.nodes
    .filter(
      (n) =>
        n.user_defined && !(n.catalog === 'pg_rewrite' && n.owner_relid !== null && model.views.has(n.owner_relid)),
    )
    .map((node) => {
      const key = addressKey(node)
      const object = recreated.get(key)
      const rename = renames.get(key)
      const moved = rename !== undefined || (node.owner_relid !== null && model.moved.has(node.owner_relid))
      const column = node.catalog === 'pg_class' && node.objsubid > 0 && model.isRemoved(node.objid, node.objsubid)
      return {
        kind: node.catalog,
        identity: node.description,
        handling: object ? 'recreated' : moved ? 'moved' : column ? 'backed up' : 'goes along',
        why: model.declared.has(key) ? 'declared' : 'belongs to the feature by its nature',
        removalSql: text(object?.drop ?? (rename && [...(rename.ahead ?? []), ...rename.away])),
        restoreSql: text(object?.create ?? rename?.back),
      }
    })
}
