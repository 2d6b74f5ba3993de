import { readJson } from '../../../catalog/read.ts'
import { majorOf, type LedgerRun, type RecordedPlan } from '../../../ledger/recorded.ts'
import { writtenSinceStatement } from '../../../plan/data/backup.ts'
import { keySequencesQuery, type KeySequence } from '../../../plan/objects/key-sequences.ts'
import { shown } from '../../../plan/model.ts'
import { qualified } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'
import { row } from '../../query.ts'
import { isSameLedger } from '../../same-ledger.ts'

/**
 * A row is found again by its key, which a sequence that begins anew gives to another row. Said before anything changes, where rows
 * have been written since under keys that are backed up. In a database that came from a dump neither files nor transactions are
 * the same; in one that was upgraded, files are not.
 */
export async function warnOfReusedKeys(
  context: RunContext,
  removal: LedgerRun,
  plan: RecordedPlan,
  major: number,
): Promise<void> {
  const { db } = context
  const { xid = '', sequences = [] } = plan.keySequences ?? {}
  if (sequences.length === 0 || !(await isSameLedger(db, plan))) return
  const upgraded = majorOf(removal) !== major
  const present = await readJson<KeySequence>(db, keySequencesQuery(plan.hosts))
  for (const host of plan.hosts) {
    const again = sequences.filter((was) => {
      const now = present.find((p) => p.relid === was.relid && p.column === was.column)
      return was.table === qualified(host.table) && now !== undefined && isAnew(was, now, upgraded)
    })
    if (again.length === 0) continue
    const { rows } = await row<{ rows: string }>(db, writtenSinceStatement(host, xid))
    if (Number(rows) === 0) continue
    context.warn(
      `keys of ${shown(host.table)} (${host.key.join(', ')}) may have been given out anew: since the removal the sequence of ${again.map((s) => s.column).join(', ')} was restarted or set back, and ${rows} of the rows under backed-up keys were written; one that is another row than before gets what is not its own`,
    )
  }
}

/** Another sequence, one that was restarted, or one that is behind. */
const isAnew = (was: KeySequence, now: KeySequence, upgraded: boolean): boolean =>
  now.seqrelid !== was.seqrelid ||
  (!upgraded && now.file !== was.file && now.options === was.options) ||
  isBehind(was, now)

function isBehind(was: KeySequence, now: KeySequence): boolean {
  if (was.last === null) return false
  if (now.last === null) return true
  const ahead = BigInt(now.last) - BigInt(was.last)
  return now.descending ? ahead > 0n : ahead < 0n
}
