import type { Change, Summed, Sums } from '../plan/data/backup.ts'
import type { CountPlan, HostPlan } from '../plan/plan.ts'
import { markOf, rowHash, sealOf, type SealedColumn } from '../plan/data/seal.ts'

/** What has been read of a host table, summed up: its backup has to hold all of it, and nothing else. */
export class Tally implements Summed {
  readonly host: HostPlan
  readonly hash: Summed['hash']
  readonly counts: readonly CountPlan[]
  /** All rows of the table, with or without something to back up; null where that is not known. */
  hostRows: number | null = 0
  private readonly counted: number[]
  private rows = 0n
  private hashes = 0n

  private readonly mark: ReturnType<typeof markOf>

  /** @param columns what the seal of its backup covers */
  constructor(host: HostPlan, columns: readonly SealedColumn[], counts: readonly CountPlan[]) {
    this.host = host
    this.hash = (alias) => rowHash(columns, alias)
    this.mark = markOf(columns)
    this.counts = counts
    this.counted = counts.map(() => 0)
  }

  add({ total, rows, hashes, counts }: Sums): void {
    this.hostRows = total === null || this.hostRows === null ? null : this.hostRows + total
    this.change({ rows, hashes })
    counts.forEach((count, n) => (this.counted[n] = (this.counted[n] ?? 0) + count))
  }

  change({ rows, hashes }: Change): void {
    this.rows += BigInt(rows)
    this.hashes += BigInt(hashes)
  }

  /** The seal of a backup that holds what was read. */
  get seal(): string {
    return sealOf(this.mark, this.rows, this.hashes)
  }

  count(plan: CountPlan): number | undefined {
    return this.counted[this.counts.indexOf(plan)]
  }
}
