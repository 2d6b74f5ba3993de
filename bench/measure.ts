import { setTimeout as sleep } from 'node:timers/promises'
import { runCommand, type Contender, type Direction } from './contender.ts'
import { between, longest, longestByWindow, p999 } from './figures.ts'
import { Load, type Sample } from './load.ts'
import { Observer, type PhaseFigures } from './observe.ts'
import type { Scale } from './scales.ts'
import type { BenchDatabase } from './server.ts'

const WARM_UP_MS = 3_000
const TAIL_MS = 500

/** One command under load, and what it cost. */
export interface Measurement {
  readonly scale: string
  readonly scenario: string
  readonly contender: Contender
  readonly direction: Direction
  readonly ok: boolean
  readonly wallMs: number
  readonly longestWaitMs: number
  /** During which phase the client had to wait that long, of what the ledger tells. */
  readonly longestWaitIn: string | null
  readonly p999Ms: number
  /** With no command running: the longest wait in each window as long as the command. */
  readonly floorLongestMs: readonly number[]
  readonly floorP999Ms: number
  readonly lockHeldMs: number | null
  readonly phases: readonly PhaseFigures[]
  /** Of the command alone: what the clients write meanwhile is taken off. */
  readonly walBytes: number
  readonly hostGrowthBytes: number
  readonly databaseGrowthBytes: number
  readonly longestTransactionMs: number
  readonly longestSnapshotMs: number
  readonly memoryMB: number | null
  /** Processor time of the command's process and of its sessions on the server. */
  readonly processCpuMs: number | null
  readonly serverCpuMs: number | null
  readonly clientErrors: Readonly<Record<string, number>>
  readonly transactions: number
  readonly bytesFromServer: number | null
  /** Waits from a second before the command to its end, for the plot. */
  readonly waits: readonly Sample[]
  readonly output: string
}

/** What stands around a command. */
export interface Circumstances {
  readonly scenario: string
  readonly floorMs: number
  readonly signal: AbortSignal
  /** Where the command connects, if not where the clients do. */
  readonly url?: string
  /** Begins right before the command; what it returns is awaited after it. */
  readonly beside?: () => Promise<() => Promise<void>>
  readonly bytesFromServer?: () => number
}

/** Runs one command while the clients work, and measures both. */
export async function measure(
  scale: Scale,
  database: BenchDatabase,
  contender: Contender,
  direction: Direction,
  around: Circumstances,
): Promise<Measurement> {
  const { signal, floorMs } = around
  const observer = await Observer.connect(database.adminUrl)
  await observer.warm()
  const load = await Load.start(database.appUrl, scale)
  try {
    await sleep(WARM_UP_MS, undefined, { signal })
    const floorFrom = performance.now()
    const floorBefore = await observer.state()
    await sleep(floorMs, undefined, { signal })
    const floorTo = performance.now()
    const stopBeside = await around.beside?.()
    const bytesBefore = around.bytesFromServer?.() ?? 0
    const before = await observer.state()
    const stopWatch = observer.watch()
    const from = performance.now()
    const ended = await runCommand(
      contender,
      direction,
      around.url ?? database.ownerUrl,
      AbortSignal.any([signal, AbortSignal.timeout(scale.limitMs)]),
    )
    const to = performance.now()
    const ages = stopWatch()
    const after = await observer.state()
    await stopBeside?.()
    await sleep(TAIL_MS, undefined, { signal })
    await load.stop()
    const phases = contender === 'product' && ended.ok ? await observer.phases() : []
    const during = between(load.samples, from, to)
    const walPerMs = (before.wal - floorBefore.wal) / (from - floorFrom)
    return {
      ...{ scale: scale.name, scenario: around.scenario, contender, direction, ok: ended.ok },
      wallMs: ended.wallMs,
      longestWaitMs: longest(during),
      longestWaitIn: phaseOf(during, phases),
      p999Ms: p999(during),
      floorLongestMs: longestByWindow(load.samples, floorFrom, floorTo, ended.wallMs),
      floorP999Ms: p999(between(load.samples, floorFrom, floorTo)),
      lockHeldMs: contender === 'product' ? lockHeld(phases) : plainLockHeld(ended.output),
      phases,
      walBytes: after.wal - before.wal - walPerMs * (to - from),
      hostGrowthBytes: after.hosts - before.hosts,
      databaseGrowthBytes: after.database - before.database,
      longestTransactionMs: ages.transactionMs,
      longestSnapshotMs: ages.snapshotMs,
      memoryMB: ended.memoryMB,
      processCpuMs: ended.cpuMs,
      serverCpuMs: ages.cpuMs,
      clientErrors: Object.fromEntries(load.errors),
      transactions: during.length,
      bytesFromServer: around.bytesFromServer ? around.bytesFromServer() - bytesBefore : null,
      waits: between(load.samples, from - 1000, to).map(({ at, ms }) => ({ at: at - from, ms })),
      output: ended.output,
    }
  } finally {
    await load.stop()
    await observer.close()
  }
}

/** The phase in which the longest wait stood; the short ones first, since others wait for what they do. */
function phaseOf(samples: readonly Sample[], phases: readonly PhaseFigures[]): string | null {
  const [most] = [...samples].sort((a, b) => b.ms - a.ms)
  if (!most || phases.length === 0) return null
  const from = performance.timeOrigin + most.at
  const met = phases.filter((p) => p.from < from + most.ms && from < p.to)
  const [shortest] = met.sort((a, b) => a.durationMs - b.durationMs)
  return shortest?.phase ?? (from < (phases[0]?.from ?? 0) ? 'start-up' : 'end')
}

function lockHeld(phases: readonly PhaseFigures[]): number | null {
  const held = phases.flatMap(({ lockHeldMs }) => lockHeldMs ?? [])
  return held.length === 0 ? null : Math.max(...held)
}

function plainLockHeld(output: string): number | null {
  const [, ms] = /"lockHeldMs":([\d.]+)/.exec(output) ?? []
  return ms === undefined ? null : Number(ms)
}
