import type { AnyKysely } from '../../../any-kysely.ts'
import { readJson } from '../../../catalog/read.ts'
import { readKeeping } from '../../../ledger/history.ts'
import { LEDGER_SCHEMA } from '../../../ledger/schema.ts'

/** The last feature to go is the first to come back, where one took what another needs. */
export const mayComeFirst = (feature: string): string =>
  `${feature} was removed since: it may have to be restored first`

/** Begins the HINT where `linesOfLater` has found some. */
export const RESTORE_FIRST = 'Where a feature that was removed since took it, restore that first; else:'

/** As lines of a DETAIL: the features that were removed after a removal, and can be restored. */
export async function linesOfLater(db: AnyKysely, removalId: string): Promise<string[]> {
  const removed = await readJson<{ id: string; feature: string }>(
    db,
    `select r.id::text as id, r.feature from ${LEDGER_SCHEMA}.runs r
     where r.id > ${removalId} and r.direction = 'removal' and r.state = 'done' and not exists (
       select from ${LEDGER_SCHEMA}.runs l where l.feature = r.feature and l.id > r.id and l.state <> 'aborted')
     order by r.id`,
  )
  const { purges } = await readKeeping(db)
  return removed.filter(({ id }) => !purges.has(id)).map(({ feature }) => `${mayComeFirst(feature)}.`)
}
