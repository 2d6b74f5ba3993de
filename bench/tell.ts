import { spread, type Spread } from './figures.ts'
import type { Measurement } from './measure.ts'

/** A figure of a run, its unit, and what it is called. */
const figures: readonly { name: string; of: (m: Measurement) => number | null; show: (value: number) => string }[] = [
  { name: 'longest wait', of: (m) => m.longestWaitMs, show: ms },
  { name: 'p99.9', of: (m) => m.p999Ms, show: ms },
  { name: 'wall time', of: (m) => m.wallMs, show: ms },
  { name: 'CPU, process', of: (m) => m.processCpuMs, show: ms },
  { name: 'CPU, server', of: (m) => m.serverCpuMs, show: ms },
  { name: 'lock hold', of: (m) => m.lockHeldMs, show: ms },
  { name: 'WAL', of: (m) => Math.max(0, m.walBytes), show: mb },
  { name: 'host growth', of: (m) => m.hostGrowthBytes, show: mb },
  { name: 'database growth', of: (m) => m.databaseGrowthBytes, show: mb },
  { name: 'longest transaction', of: (m) => m.longestTransactionMs, show: ms },
  { name: 'longest snapshot', of: (m) => m.longestSnapshotMs, show: ms },
  { name: 'memory of the process', of: (m) => m.memoryMB, show: (value) => `${value.toFixed(0)} MB` },
]

function ms(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`
}
function mb(value: number): string {
  return `${(value / 1024 / 1024).toFixed(value < 1e7 ? 1 : 0)} MB`
}

/** One line as soon as a run is done. */
export function line(m: Measurement): string {
  const floor = spread(m.floorLongestMs)
  const failed = m.ok ? '' : ' FAILED'
  const errors = Object.entries(m.clientErrors).map(([code, n]) => `${String(n)} x ${code}`)
  return (
    `${m.scale.padEnd(5)} ${m.scenario.padEnd(12)} ${m.contender.padEnd(7)} ${m.direction.padEnd(7)}${failed} ` +
    `wall ${ms(m.wallMs)}, CPU ${m.serverCpuMs === null ? '-' : ms(m.serverCpuMs)}, longest wait ${ms(m.longestWaitMs)}${m.longestWaitIn === null ? '' : ` in ${m.longestWaitIn}`} (floor ${ms(floor.median)}), ` +
    `lock hold ${m.lockHeldMs === null ? '-' : ms(m.lockHeldMs)}, ` +
    `client errors ${errors.length === 0 ? 'none' : errors.join(', ')}` +
    (m.bytesFromServer === null ? '' : `, ${(m.bytesFromServer / 1024).toFixed(0)} kB from the server`)
  )
}

/** Where the time went. */
export function phaseLine(m: Measurement): string {
  return `        ${m.phases.map((p) => `${p.phase} ${ms(p.durationMs)}${p.lockHeldMs === null ? '' : ` (held ${ms(p.lockHeldMs)})`}`).join(', ')}`
}

/** The tables at the end: medians with their range, and ratios. */
export function tables(all: readonly Measurement[]): string {
  const groups = new Map<string, Measurement[]>()
  for (const m of all.filter((x) => x.ok))
    groups.set(`${m.scale}, ${m.scenario}, ${m.direction}`, [
      ...(groups.get(`${m.scale}, ${m.scenario}, ${m.direction}`) ?? []),
      m,
    ])
  return [...groups].map(([name, group]) => table(name, group)).join('\n\n')
}

function table(title: string, group: readonly Measurement[]): string {
  const of = (contender: string) => group.filter((m) => m.contender === contender)
  const [plain, product] = [of('plain'), of('product')]
  const floor = spread(product.flatMap((m) => m.floorLongestMs))
  const floorP999 = spread(group.map((m) => m.floorP999Ms))
  const rows = figures.map(({ name, of: figure, show }) => {
    const spreadOf = (ms: readonly Measurement[]) => spread(ms.flatMap((m) => figure(m) ?? []))
    const [a, b] = [spreadOf(plain), spreadOf(product)]
    const ofFloor = name === 'longest wait' ? shown(floor, show) : name === 'p99.9' ? shown(floorP999, show) : ''
    const ratio = plain.length > 0 && product.length > 0 && a.median > 0 ? (b.median / a.median).toFixed(2) : ''
    return [name, shown(a, show), shown(b, show), ratio, ofFloor]
  })
  const head = ['', 'plain script', 'product', 'ratio', 'no command']
  return `### ${title}\n\n${markdown([head, ...rows])}`
}

function shown({ median, least, most }: Spread, show: (value: number) => string): string {
  if (Number.isNaN(median)) return ''
  return least === most ? show(median) : `${show(median)} [${show(least)} .. ${show(most)}]`
}

function markdown(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((r) => (r[n] ?? '').length), 3))
  const lines = rows.map((r) => `| ${r.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |`)
  lines.splice(1, 0, `| ${widths.map((w) => '-'.repeat(w)).join(' | ')} |`)
  return lines.join('\n')
}
