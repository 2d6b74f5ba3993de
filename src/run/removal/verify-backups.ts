import { UnshipError } from '../../errors.ts'
import { shown } from '../../plan/model.ts'
import { demandSameMembers } from '../../plan/tree.ts'
import { OTHER_PARTITIONS } from '../../sql-states.ts'
import { backupOf, sealBackups } from '../backups/backups.ts'
import type { RunContext } from '../context.ts'
import { run, sqlState } from '../query.ts'
import { otherPartitions } from '../short-errors.ts'
import type { Tally } from '../tally.ts'

/**
 * Reads every backup, and demands that it holds what was read of its source: as many rows, with the same sum of hashes, each
 * of a row's key and its values' images.
 *
 * @throws {UnshipError} `backup_not_verified`; nothing has been removed then.
 */
export async function verifyBackups(context: RunContext, tallies: readonly Tally[]): Promise<void> {
  for (const { host } of tallies)
    for (const sql of demandSameMembers(host))
      await run(context.db, sql).catch((error: unknown) => {
        throw sqlState(error) === OTHER_PARTITIONS ? otherPartitions(error) : error
      })
  const found = await sealBackups(
    context.db,
    tallies.map(({ host }) => backupOf(host)),
    {
      earlier: Object.fromEntries(tallies.map(({ host, seal }) => [shown(host.backup), seal])),
      during: { context, phase: 'verify' },
    },
  )
  const wrong = tallies.flatMap(({ host, seal }, n) =>
    found[n]?.checksum === seal ? [] : [{ host, seal, found: found[n]?.checksum ?? 'nothing' }],
  )
  if (wrong.length === 0) return
  throw new UnshipError({
    code: 'backup_not_verified',
    message: `the backup of ${wrong.map(({ host }) => shown(host.table)).join(', ')} does not hold what was read of the table`,
    detail: [
      ...wrong.map(({ host, seal, found }) => `${shown(host.backup)}: read ${seal}, holds ${found} (rows:checksum).`),
      'Nothing was removed.',
    ].join('\n'),
    hint: 'Run the same command again; if it fails again, report it as a bug.',
  })
}
