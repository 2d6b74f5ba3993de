import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RunContext } from '../src/run/context.ts'
import { Progress } from '../src/run/progress.ts'
import type { ProgressEvent } from '../src/run/report.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const TOTAL = 80_000

/** What the events said of the time left, by the share of rows that was done. */
function told(
  work: (progress: Progress) => void,
  touching?: number,
): { share: number; remainingMs: number; at: number }[] {
  const events: { share: number; remainingMs: number; at: number }[] = []
  const emit = (event: ProgressEvent) => {
    if (event.type === 'progress' && event.remainingMs !== null)
      events.push({ share: event.rows / event.totalRows, remainingMs: event.remainingMs, at: performance.now() })
  }
  // only what it tells is looked at
  work(new Progress({ emit } as unknown as RunContext, 'fill', 'contacts', TOTAL, touching))
  return events
}

function expectRight(events: ReturnType<typeof told>): void {
  const end = performance.now()
  const whole = end - (events[0]?.at ?? end) + (events[0]?.at ?? 0)
  const late = events.filter(({ share }) => share >= 0.1)
  expect(late.length).toBeGreaterThan(5)
  for (const { remainingMs, at } of late) expect(Math.abs(remainingMs - (end - at))).toBeLessThan(0.2 * whole)
}

test('rows that cost the same', () => {
  const events = told((progress) => {
    for (let rows = 0; rows < TOTAL; rows += 1_000) {
      vi.advanceTimersByTime(100)
      progress.advance(1_000)
    }
  })
  expectRight(events)
})

test('rows that cost more in the first turns than in later ones, over two connections', () => {
  const events = told((progress) => {
    for (const stretch of [8_000, 16_000, 32_000, 24_000])
      for (let nth = 0; nth < 8; nth++)
        for (let rows = 0; rows < stretch / 8; rows += 500) {
          const ms = 500 * ([0.1, 0.05][nth] ?? 0.03)
          vi.advanceTimersByTime(ms / 2)
          progress.advance(500, { ms, turn: { nth, of: 8 } })
        }
  })
  expectRight(events)
})

test('rows that cost more while they are the first to change their pages of the indexes', () => {
  const touching = TOTAL / 7
  const events = told((progress) => {
    let done = 0
    for (const stretch of [8_000, 16_000, 32_000, 24_000])
      for (let nth = 0; nth < 8; nth++)
        for (let rows = 0; rows < stretch / 8; rows += 500) {
          // half as much again as what is expected of it
          const ms = 500 * ([0.1, 0.05][nth] ?? 0.03) * (1 + Math.exp(-done / touching))
          vi.advanceTimersByTime(ms / 2)
          done += 500
          progress.advance(500, { ms, turn: { nth, of: 8 } })
        }
  }, touching)
  expectRight(events)
})
