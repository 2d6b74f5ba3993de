import pg from 'pg'
import { CpuTime } from './cpu.ts'

/** What a database looks like from outside. */
export interface State {
  /** Bytes of WAL that the server has written. */
  readonly wal: number
  /** Bytes of the host tables with their indexes. */
  readonly hosts: number
  readonly database: number
}

/** One phase that the ledger tells of. */
export interface PhaseFigures {
  readonly phase: string
  readonly durationMs: number
  readonly lockHeldMs: number | null
  readonly attempts: number
  /** In milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

/** When something was entered in the ledger. */
type Events = Readonly<Record<string, number>>

/** What the ledger says when a phase ends, or when it begins. */
const ENDS: Readonly<Record<string, string>> = {
  watch: 'phase copy',
  copy: 'phase verify',
  'cut over': 'cut over',
  fill: 'phase build',
  build: 'phase verify',
  reveal: 'revealed',
}
const BEGINS: Readonly<Record<string, string>> = { verify: 'phase verify', validate: 'revealed' }

function around({ phase, durationMs }: PhaseFigures, started: number, events: Events): { from: number; to: number } {
  const end = events[ENDS[phase] ?? '']
  if (end !== undefined) return { from: end - durationMs, to: end }
  const from = events[BEGINS[phase] ?? ''] ?? started
  return { from, to: from + durationMs }
}

const EVERY_MS = 50

/** One connection beside the clients, that looks on. */
export class Observer {
  readonly #client: pg.Client
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<unknown> = Promise.resolve()
  #longestTransactionMs = 0
  #longestSnapshotMs = 0

  private constructor(client: pg.Client) {
    this.#client = client
  }

  static async connect(url: string): Promise<Observer> {
    const client = new pg.Client({ connectionString: url, application_name: 'bench observer' })
    client.on('error', () => undefined)
    await client.connect()
    return new Observer(client)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
    await this.#client.end()
  }

  /** Reads all that a run may need into memory, the server's and the system's. */
  async warm(): Promise<void> {
    await this.#client.query(`
      select count(*) from contacts where phone = ''; select count(*) from subscriptions where plan = '';
      set enable_seqscan = off; select count(id) from contacts; select count(id) from subscriptions;
      select count(email) from contacts; select count(contact_id) from subscriptions; reset enable_seqscan`)
  }

  async state(): Promise<State> {
    const { rows } = await this.#client.query<Record<keyof State, string>>(`
      select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as wal,
        pg_total_relation_size('contacts') + pg_total_relation_size('subscriptions') as hosts,
        pg_database_size(current_database()) as database`)
    const [row] = rows
    return { wal: Number(row?.wal), hosts: Number(row?.hosts), database: Number(row?.database) }
  }

  /** Looks at the age of the command's transactions and snapshots until told to stop. */
  watch(): () => { transactionMs: number; snapshotMs: number; cpuMs: number | null } {
    this.#longestTransactionMs = 0
    this.#longestSnapshotMs = 0
    let busy = false
    const snapshots = new Map<string, number>()
    const cpu = new CpuTime()
    this.#timer = setInterval(() => {
      if (busy) return
      busy = true
      this.#looking = this.#look(snapshots, cpu)
        .catch(() => undefined)
        .finally(() => {
          busy = false
        })
    }, EVERY_MS)
    return () => {
      clearInterval(this.#timer)
      return {
        transactionMs: this.#longestTransactionMs,
        snapshotMs: this.#longestSnapshotMs,
        cpuMs: cpu.totalMs,
      }
    }
  }

  async #look(snapshots: Map<string, number>, cpu: CpuTime): Promise<void> {
    const { rows } = await this.#client.query<{ pid: number; age: number | null; xmin: string | null }>(`
      select pid, extract(epoch from clock_timestamp() - xact_start)::float8 * 1000 as age, backend_xmin::text as xmin
      from pg_stat_activity
      where datname = current_database() and application_name in ('kysely-unship', 'plain script')`)
    cpu.look(rows.map(({ pid }) => pid))
    const now = performance.now()
    for (const { age, xmin } of rows) {
      this.#longestTransactionMs = Math.max(this.#longestTransactionMs, age ?? 0)
      if (xmin === null) continue
      // the same horizon as before: it has been held back for so long
      const since = snapshots.get(xmin) ?? now
      snapshots.set(xmin, since)
      this.#longestSnapshotMs = Math.max(this.#longestSnapshotMs, now - since)
    }
  }

  /** The phases of the latest run, as the ledger keeps them. */
  async phases(): Promise<PhaseFigures[]> {
    const { rows } = await this.#client.query<{ phases: PhaseFigures[] | null; started: number; events: Events }>(
      `select report -> 'phases' as phases, extract(epoch from started_at)::float8 * 1000 as started,
         (select json_object_agg(event, extract(epoch from at)::float8 * 1000) from unship.events where run_id = r.id) as events
       from unship.runs r where state = 'done' order by id desc limit 1`,
    )
    const [run] = rows
    return (run?.phases ?? []).map((p) => ({ ...p, ...around(p, run?.started ?? NaN, run?.events ?? {}) }))
  }
}
