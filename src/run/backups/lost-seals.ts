import { UnshipError } from '../../errors.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { shown } from '../../plan/model.ts'
import { backupsOf } from './backups.ts'
import type { RunContext } from '../context.ts'

type Sealed = Pick<LedgerRun, 'checksums' | 'sealed_backups'>

/** Backups without a checksum, by name. */
export interface WithoutSeal {
  /** Their removal had sealed them. */
  readonly lost: readonly string[]
  /** A ledger of an earlier version does not say that they ever had one. */
  readonly never: readonly string[]
}

export function withoutSeal({ checksums, sealed_backups }: Sealed, plan: Parameters<typeof backupsOf>[0]): WithoutSeal {
  const names = backupsOf(plan)
    .map(({ table }) => shown(table))
    .filter((name) => checksums[name] === undefined)
  const had = (name: string) => sealed_backups?.includes(name) ?? false
  return { lost: names.filter(had), never: names.filter((name) => !had(name)) }
}

/** Nothing could tell whether they were written to since. */
export function refuseLostSeals({ feature }: RunContext, removal: Sealed, plan: Parameters<typeof backupsOf>[0]): void {
  const { lost } = withoutSeal(removal, plan)
  if (lost.length === 0) return
  throw new UnshipError({
    code: 'backup_changed',
    message: `the ledger has lost checksums of the backups of feature ${feature}`,
    detail: lost.map((name) => `${name}: sealed by its removal, without a checksum now.`).join('\n'),
    hint: 'Bring the row in unship.runs back from a backup of the database. If what they hold is what shall be restored, seal them again (docs/runbook.md, backup_changed). Nothing has appeared.',
  })
}
