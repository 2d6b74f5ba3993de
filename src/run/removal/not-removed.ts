import { UnshipError } from '../../errors.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'

/** It is in the database although the ledger says that it was removed. */
export const notRemoved = ({ id, feature }: LedgerRun): UnshipError =>
  new UnshipError({
    code: 'wrong_state',
    message: `feature ${feature} is in the database although the ledger says it was removed`,
    detail: `Run ${id} removed it, and its backups are still kept.`,
    hint: "If it was restored by hand, record that: update unship.runs set state = 'aborted' where id = that run, and rename its backups.",
  })
