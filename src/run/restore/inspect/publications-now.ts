import type { AnyKysely } from '../../../any-kysely.ts'
import { readJson } from '../../../catalog/read.ts'
import { majorOf, type LedgerRun, type RecordedPlan } from '../../../ledger/recorded.ts'
import type { PublishedTable } from '../../../plan/plan.ts'
import { isSameLedger } from '../../same-ledger.ts'

/** What a publication took of a table, and what has become of it. */
export interface PublishedNow extends PublishedTable {
  /** What it is called by now; null where it is gone, or identifiers cannot tell. */
  readonly now: string | null
  /** Another one has its name. */
  readonly replaced: boolean
}

/** Publications are known by identifier: after a dump they have others, and pg_upgrade, which leaves most theirs, gives them new ones. */
export async function publicationsNow(
  db: AnyKysely,
  removal: Pick<LedgerRun, 'server_version'>,
  plan: RecordedPlan,
  major: number,
): Promise<PublishedNow[]> {
  const { publications = [] } = plan
  if (publications.length === 0) return []
  const tell = majorOf(removal) === major && (await isSameLedger(db, plan))
  const there = tell
    ? await readJson<{ oid: string; pubname: string }>(db, 'select p.oid, p.pubname from pg_catalog.pg_publication p')
    : []
  return publications.map((p) => {
    const named = there.find(({ pubname }) => pubname === p.publication)
    return {
      ...p,
      now: there.find(({ oid }) => oid === p.oid)?.pubname ?? null,
      replaced: p.oid !== undefined && named !== undefined && named.oid !== p.oid,
    }
  })
}
