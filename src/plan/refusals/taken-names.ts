import { UnshipError } from '../../errors.ts'
import type { QualifiedName } from '../../sql.ts'
import { backupKeyOf, backupNameOf } from '../objects/backup-names.ts'
import { planHost, storedColumns } from '../objects/host.ts'
import { shown, type Model } from '../model.ts'
import { backupNameFor, isMovedRoutine } from '../objects/moved.ts'

/** Refuses where something has a name that the removal would give to a backup. */
export function refuseTakenNames(model: Model): void {
  const wanted = backupNames(model)
  const same = (a: BackupName, b: Omit<BackupName, 'what'>) =>
    a.catalog === b.catalog && a.schema === b.schema && a.name === b.name
  const { taken: all, kept } = model.snapshot
  const taken = wanted.filter((w) => all.some((t) => same(w, { catalog: t.catalog, schema: t.nspname, name: t.name })))
  const twice = wanted.filter((w, i) => wanted.findIndex((other) => same(w, other)) < i)
  if (taken.length > 0) {
    const featureOf = (w: BackupName) => kept.find((k) => same(w, k))?.feature ?? null
    throw takenNames(
      model,
      taken.map((w) => ({ name: shown(w), feature: featureOf(w) })),
    )
  }
  if (twice.length === 0) return
  const names = [...new Set(twice.map((n) => shown(n)))]
  throw new UnshipError({
    code: 'backup_exists',
    message: `two backups of feature ${model.feature.name} would both be called ${names.join(', ')}`,
    // a table's name is wanted for its type, too
    detail: [
      ...new Set(wanted.filter((w) => twice.some((t) => same(t, w))).map((w) => `${shown(w)} would keep ${w.what}.`)),
    ].join('\n'),
    hint: 'Give the feature another name in its declaration.',
  })
}

function takenNames(model: Model, taken: readonly { readonly name: string; readonly feature: string | null }[]) {
  const names = [...new Set(taken.map(({ name }) => name))]
  const others = taken.filter(({ feature }) => feature === null)
  const ours = new Map(taken.flatMap(({ name, feature }) => (feature === null ? [] : [[name, feature] as const])))
  const features = [...new Set(ours.values())]
  const itself = features.includes(model.feature.name)
  const archivable = features.filter((feature) => feature !== model.feature.name)
  return new UnshipError({
    code: 'backup_exists',
    message: `${names.join(', ')} already exists`,
    detail: [
      `The removal keeps its backup under that name.${
        others.length > 0 ? ' What stands there is not a backup that the ledger knows.' : ''
      }`,
      ...[...ours].map(([name, feature]) => `${name} is the backup of feature ${feature}, which is removed.`),
    ].join('\n'),
    hint: [
      ...(archivable.length > 0
        ? [
            `Archive the backups of feature ${archivable.join(', ')} (unship archive), which gives them other names; or restore or purge that feature first. Rename none of them: its restore would not find it.`,
          ]
        : []),
      ...(itself ? ['Restore the feature, or purge its backups where nobody wants them back.'] : []),
      ...(others.length > 0 ? ['Look at what it holds, then rename it: alter table … rename to …'] : []),
    ].join('\n'),
  })
}

interface BackupName {
  readonly catalog: string
  readonly schema: string
  readonly name: string
  /** What is kept under it. */
  readonly what: string
}

/** Every name that the removal gives to something. */
function backupNames(model: Model): BackupName[] {
  const { snapshot } = model
  const names: BackupName[] = []
  const want = (catalog: string, schema: string, name: string, what: string) =>
    names.push({ catalog, schema, name, what })
  // a table brings a type of its name along
  const wantTable = (schema: string, name: string, what: string) => {
    want('pg_class', schema, name, what)
    want('pg_type', schema, name, what)
  }
  const wantMoved = (catalog: string, kind: Parameters<typeof backupNameOf>[1], of: QualifiedName) => {
    const { schema, name } = backupNameOf(model, kind, of)
    want(catalog, schema, name, of.name)
  }
  for (const oid of model.removed.keys())
    if (storedColumns(model, oid).length > 0) {
      const { backup, table } = planHost(model, oid)
      wantTable(backup.schema, backup.name, `columns of ${shown(table)}`)
      want('pg_class', backup.schema, backupKeyOf(model, backup).name, `the key of ${shown(backup)}`)
    }
  for (const oid of model.moved) {
    const { schema, name } = backupNameFor(model, oid)
    wantTable(schema, name, `table ${shown(model.name(oid))}`)
  }
  for (const i of snapshot.indexes)
    if (model.moved.has(i.indrelid)) wantMoved('pg_class', 'relation', { schema: i.nspname, name: i.relname })
  for (const s of snapshot.statistics)
    if (model.moved.has(s.stxrelid)) wantMoved('pg_statistic_ext', 'statistics', { schema: s.nspname, name: s.stxname })
  for (const t of snapshot.types)
    if (model.declared.has(`pg_type:${t.oid}:0`)) {
      const name = { schema: t.nspname, name: t.typname }
      wantMoved('pg_type', 'type', name)
      if (t.typtype === 'c') wantMoved('pg_class', 'type', name)
    }
  for (const s of snapshot.sequences) {
    const goes =
      model.declared.has(`pg_class:${s.seqrelid}:0`) ||
      (s.owner_relid !== null && model.moved.has(s.owner_relid)) ||
      (s.owner_relid !== null && s.owner_kind === 'a' && model.isRemoved(s.owner_relid, s.owner_attnum ?? 0))
    if (goes) wantMoved('pg_class', 'relation', model.name(s.seqrelid))
  }
  // overloaded functions share a name
  const routines = snapshot.routines.filter((r) => isMovedRoutine(model, r))
  for (const r of new Map(routines.map((r) => [`${r.nspname}.${r.proname}`, r])).values())
    wantMoved('pg_proc', 'routine', { schema: r.nspname, name: r.proname })
  return names
}
