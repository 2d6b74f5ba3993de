import type { AnyKysely } from '../../any-kysely.ts'
import { declaredNames } from '../../catalog/declared.ts'
import { readJson } from '../../catalog/read.ts'
import { pluginTranslation } from '../../catalog/resolve.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { removedRuns } from '../../ledger/ledger.ts'
import { majorOf, type LedgerRun, type RecordedPlan } from '../../ledger/recorded.ts'
import { archivePattern, backupName, columnBackupName } from '../../names.ts'
import { shown } from '../../plan/model.ts'
import { claimsAny } from '../../plan/unchanged/same-claims.ts'
import { literalOrNull, qualified, type QualifiedName } from '../../sql.ts'
import type { RunContext } from '../context.ts'
import { backupChanges, sealStatements } from './shapes.ts'

/*
 * What a restore looks at before it trusts the ledger and the backups.
 */

/** Refuses where the ledger or the shape of a backup is not what the removal left. */
export async function refuseTampered(context: RunContext, removal: LedgerRun, plan: RecordedPlan): Promise<void> {
  const { db, feature } = context
  if (removal.sealed_statements !== null && removal.sealed_statements !== (await sealStatements(db, removal.id)))
    throw new UnshipError({
      code: 'wrong_state',
      message: `the ledger's statements of run ${removal.id} are not what the removal of feature ${feature} wrote`,
      detail: `They were sealed as ${removal.sealed_statements.split(':')[0] ?? ''} statements with another checksum.`,
      hint: 'Bring unship.statements back from a backup of the database. Nothing was restored.',
    })
  const { changes, reset } = await backupChanges(db, removal, plan)
  for (const told of reset) context.warn(told)
  if (changes.length === 0) return
  throw new UnshipError({
    code: 'backup_changed',
    message: `backups of feature ${feature} were altered`,
    detail: changes.join('\n'),
    hint: 'Undo these changes, then run the same command again. Nothing was restored.',
  })
}

/** The definitions that a removal captured are those of its server's major version. */
export function checkMajor(context: RunContext, removal: LedgerRun, major: number): void {
  const recorded = majorOf(removal)
  if (recorded === major) return
  if (recorded < major) {
    context.warn(
      `the feature was removed on PostgreSQL ${String(recorded)}, and this is ${String(major)}: definitions are compared in the end`,
    )
    return
  }
  throw new UnshipError({
    code: 'server_not_supported',
    message: `feature ${context.feature} was removed on PostgreSQL ${String(recorded)}, and this server is ${String(major)}`,
    detail: 'What a newer server printed may mean something else to an older one. Nothing was restored.',
    hint: `Restore it on PostgreSQL ${String(recorded)} or newer.`,
  })
}

/**
 * Refuses to say that there is nothing to restore where there is: backups or archives without a run in the ledger, or a removal of
 * the same objects by another name.
 */
export async function refuseForgotten(db: AnyKysely, feature: FeatureDeclaration, named: AnyKysely): Promise<void> {
  const names = declaredNames(feature, pluginTranslation(named))
  const tables = names.filter((n) => n.field === 'tables')
  const columns = names.filter((n) => n.field === 'columns')
  for (const run of await removedRuns(db)) {
    if (!claimsAny(run.plan?.claims ?? [], names)) continue
    throw new UnshipError({
      code: 'wrong_state',
      message: `no removal of feature ${feature.name} is recorded, but one of the same objects by the name ${run.feature}`,
      detail: `Run ${run.id} removed them. A feature is found by its name: the declaration's was changed since.`,
      hint: `Give the declaration the name ${run.feature} again. Nothing was restored.`,
    })
  }
  // what still stands under its own name was not removed: the table is not our backup then
  const wanted = [
    ...tables.map((t) => ({ schema: t.schema, backup: backupName(t.name), of: t, part: null })),
    ...columns.map((c) => ({ schema: c.schema, backup: columnBackupName(feature.name, c.name), of: c, part: c.part })),
  ]
  if (wanted.length === 0) return
  const values = wanted.map(({ schema, backup, of, part }) =>
    [schema, backup, archivePattern(backup), qualified(of), part].map(literalOrNull).join(', '),
  )
  const found = await readJson<QualifiedName>(
    db,
    `select distinct n.nspname as schema, c.relname as name
     from (values ${values.map((v) => `(${v})`).join(', ')}) w(schema, backup, archive, of, part)
     join pg_catalog.pg_namespace n on n.nspname = w.schema
     join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p') and (c.relname = w.backup or c.relname ~ w.archive)
     where not case when w.part is null
       then pg_catalog.to_regclass(w.of) is not null
       else exists (select from pg_catalog.pg_attribute a
         where a.attrelid = pg_catalog.to_regclass(w.of) and a.attname = w.part and not a.attisdropped) end
     order by 1, 2`,
  )
  if (found.length === 0) return
  throw new UnshipError({
    code: 'wrong_state',
    message: `the ledger knows no removal of feature ${feature.name}, but its backups are there`,
    detail: found.map((name) => `Table ${shown(name)} exists.`).join('\n'),
    hint: 'Bring schema unship back from a backup of the database, or rename these tables if they are none of ours. Nothing was restored.',
  })
}
