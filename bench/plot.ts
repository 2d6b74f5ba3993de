import { spread } from './figures.ts'
import type { Measurement } from './measure.ts'

/*
 * How long clients wait while a command runs, as SVG: above the plain script, below the product, with the same axes.
 */

const WIDTH = 900
const PANEL = 190
const LEFT = 70
const RIGHT = 20
const TOP = 70
const GAP = 56
const COLOURS = { plain: '#c0392b', product: '#1f77b4' } as const
const TICKS = [0.1, 1, 10, 100, 1_000, 10_000, 60_000]

/** The pair with the median wall time of the plain script, both directions. */
export function plot(all: readonly Measurement[], machine: string): string {
  const pairs = all.filter((m) => m.ok && m.scenario === 'pairs')
  const scale = pairs.at(-1)?.scale ?? ''
  const of = (contender: 'plain' | 'product', direction: 'removal' | 'restore') =>
    typical(pairs.filter((m) => m.scale === scale && m.contender === contender && m.direction === direction))
  const panels = (['removal', 'restore'] as const).flatMap((direction) => {
    const [plain, product] = [of('plain', direction), of('product', direction)]
    if (!product) return []
    const seconds = Math.max(plain?.wallMs ?? 0, product.wallMs) / 1000
    return [plain, product].flatMap((m) => (m ? [{ m, seconds }] : []))
  })
  const height = TOP + panels.length * (PANEL + GAP) + 20
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${n(WIDTH)} ${n(height)}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="white"/>`,
    text(
      LEFT,
      24,
      `How long clients wait while the feature goes and comes back (${scale} contacts)`,
      'font-size="16" font-weight="bold"',
    ),
    text(
      LEFT,
      42,
      'Each dot is one of 400 short transactions a second, by when it should have begun; the waits are on a logarithmic scale.',
      'fill="#555"',
    ),
    text(LEFT, 57, machine, 'fill="#555" font-size="10"'),
    ...panels.flatMap(({ m, seconds }, i) => panel(m, seconds, TOP + i * (PANEL + GAP) + 20)),
    '</svg>',
    '',
  ].join('\n')
}

function typical(ms: readonly Measurement[]): Measurement | undefined {
  return [...ms].sort((a, b) => a.longestWaitMs - b.longestWaitMs)[Math.floor((ms.length - 1) / 2)]
}

function panel(m: Measurement, seconds: number, top: number): string[] {
  const most = Math.max(...TICKS)
  const x = (ms: number) => LEFT + ((ms / 1000 + 1) / (seconds + 1)) * (WIDTH - LEFT - RIGHT)
  const y = (ms: number) => {
    const share = (Math.log10(Math.max(0.1, Math.min(most, ms))) + 1) / (Math.log10(most) + 1)
    return top + PANEL - share * PANEL
  }
  const colour = COLOURS[m.contender]
  const who = m.contender === 'plain' ? 'plain script' : 'kysely-unship'
  const floor = spread(m.floorLongestMs).median
  const end = m.wallMs
  return [
    text(
      LEFT,
      top - 8,
      `${m.direction === 'removal' ? 'Removal' : 'Restore'}, ${who}: ${duration(m.wallMs)}; longest wait ${duration(m.longestWaitMs)}`,
      `font-weight="bold" fill="${colour}"`,
    ),
    `<rect x="${n(x(0))}" y="${n(top)}" width="${n(x(end) - x(0))}" height="${n(PANEL)}" fill="${colour}" opacity="0.07"/>`,
    ...TICKS.flatMap((ms) => [
      `<line x1="${n(LEFT)}" x2="${n(WIDTH - RIGHT)}" y1="${n(y(ms))}" y2="${n(y(ms))}" stroke="#ddd"/>`,
      text(LEFT - 6, y(ms) + 4, duration(ms), 'text-anchor="end" fill="#555"'),
    ]),
    ...secondTicks(seconds).map((s) =>
      text(x(s * 1000), top + PANEL + 15, `${n(s)} s`, 'text-anchor="middle" fill="#555"'),
    ),
    `<path d="${m.waits.map(({ at, ms }) => `M${n(x(at))} ${n(y(ms))}h0`).join('')}" stroke="${colour}" stroke-width="2.4" stroke-linecap="round" opacity="0.45"/>`,
    `<line x1="${n(LEFT)}" x2="${n(WIDTH - RIGHT)}" y1="${n(y(floor))}" y2="${n(y(floor))}" stroke="#333" stroke-dasharray="5 4"/>`,
    text(WIDTH - RIGHT, y(floor) - 4, `longest with no command: ${duration(floor)}`, 'text-anchor="end" fill="#333"'),
  ]
}

function secondTicks(seconds: number): number[] {
  const step = [0.5, 1, 2, 5, 10, 20, 60].find((s) => seconds / s <= 10) ?? 120
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => i * step)
}

function duration(ms: number): string {
  return ms >= 1000
    ? `${n(Math.round(ms / 100) / 10)} s`
    : `${n(ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms))} ms`
}

const n = (value: number) => String(Math.round(value * 10) / 10)
const text = (x: number, y: number, content: string, attributes = '') =>
  `<text x="${n(x)}" y="${n(y)}" ${attributes}>${content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`
