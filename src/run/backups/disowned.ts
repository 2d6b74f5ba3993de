import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { UnshipError } from '../../errors.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { ledgerOid } from '../../ledger/ledger.ts'
import { shown } from '../../plan/model.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import type { Backup } from './backups.ts'
import { readClaimed } from './claimed.ts'

/*
 * Whoever renames a backup makes its name free for that of another feature. What stands there is told by its oid: in ledgers that
 * do not have it, and after a dump, a table that another run claims is that run's.
 */

/** The oid of each backup, by its name. */
export async function readBackupOids(
  db: AnyKysely,
  backups: readonly Pick<Backup, 'table'>[],
): Promise<Readonly<Record<string, string>>> {
  if (backups.length === 0) return {}
  const found = await readJson<{ name: string; oid: string }>(
    db,
    `select x.name, pg_catalog.to_regclass(x.regclass)::pg_catalog.oid as oid
     from (values ${backups.map(({ table }) => `(${literal(shown(table))}, ${literal(qualified(table))})`).join(', ')}) x(name, regclass)
     where pg_catalog.to_regclass(x.regclass) is not null`,
  )
  return Object.fromEntries(found.map(({ name, oid }) => [name, oid]))
}

/** A table that shall be the backup of a removal. */
export interface Supposed {
  /** The removal. */
  readonly run: string
  /** The name that the removal gave it. */
  readonly backup: QualifiedName
  /** The name that it bears now. */
  readonly name: QualifiedName
}

/** Refuses to take the backup of another feature for that of this one. */
export async function refuseDisowned(
  db: AnyKysely,
  feature: string,
  supposed: readonly Supposed[],
  state: string,
): Promise<void> {
  const claimed = await readClaimed(db)
  const disputed = supposed.flatMap((s) => {
    const other = claimed.find((c) => c.run !== s.run && qualified(c) === qualified(s.name))
    return other ? [{ ...s, other }] : []
  })
  if (disputed.length === 0) return
  const proved = await readProved(db, disputed)
  const disowned = disputed.filter((_, n) => !proved.has(n))
  if (disowned.length === 0) return
  const others = [...new Set(disowned.map(({ other }) => other.feature))]
  throw new UnshipError({
    code: 'backup_changed',
    message: `${disowned.map(({ name }) => shown(name)).join(', ')} is not the backup of feature ${feature} any more`,
    detail: disowned
      .map(({ name, other }) => `${shown(name)} is the backup of feature ${other.feature} (run ${other.run}).`)
      .join('\n'),
    hint: `Its own was renamed or dropped. Archive the backups of feature ${others.join(', ')} (unship archive), which gives them other names; then give it its name back. ${state}`,
  })
}

/** Which of them are the very tables that their removals have left. */
async function readProved(db: AnyKysely, supposed: readonly Supposed[]): Promise<ReadonlySet<number>> {
  const values = supposed.map(
    ({ run, backup, name }, n) =>
      `(${String(n)}, ${run}::pg_catalog.int8, ${literal(shown(backup))}, ${literal(qualified(name))})`,
  )
  const found = await readJson<{ n: number }>(
    db,
    `select x.n from (values ${values.join(', ')}) x(n, run, backup, name) join ${LEDGER_SCHEMA}.runs r on r.id = x.run
     where r.plan ->> 'ledger' = ${ledgerOid}
       and r.report -> 'oids' ->> x.backup = pg_catalog.to_regclass(x.name)::pg_catalog.oid::text`,
  )
  return new Set(found.map(({ n }) => n))
}
