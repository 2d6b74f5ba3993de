import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkWorld, type Ending } from './check.ts'
import { life, world } from './description.ts'

const { PROPERTY_RUNS, PROPERTY_SEED, npm_lifecycle_event: script } = process.env
/** `npm run test:property` takes its time, and looks for cases that nobody has tried. */
const looksFurther = script === 'test:property' || PROPERTY_RUNS !== undefined
const RUNS = Number(PROPERTY_RUNS ?? (looksFurther ? 300 : 20))
/** Elsewhere they are the same each time: what a change is judged by is the change. */
const seed = PROPERTY_SEED ?? (looksFurther ? undefined : '1')
const SEED = seed === undefined ? {} : { seed: Number(seed) }
const MINUTE = 60_000

/** A failure is shrunk for as long as this after the time that the runs may take. */
const limits = (runs: number) => ({ numRuns: runs, ...SEED, interruptAfterTimeLimit: runs * 6_000 + 3 * MINUTE })
const timeout = (runs: number) => runs * 6_000 + 5 * MINUTE

describe('any feature of any schema is restored exactly, or refused before anything changes', () => {
  const half = Math.ceil(RUNS / 2)

  test('with nobody there', { timeout: timeout(half) }, async () => {
    const endings = new Endings()
    await fc.assert(
      fc.asyncProperty(world, async (w) => endings.count(await checkWorld(w))),
      limits(half),
    )
    endings.print()
  })

  test('with life in between', { timeout: timeout(half) }, async () => {
    const endings = new Endings()
    await fc.assert(
      fc.asyncProperty(world, life, async (w, steps) => endings.count(await checkWorld(w, steps))),
      limits(half),
    )
    endings.print()
  })
})

class Endings {
  readonly #counts = new Map<Ending, number>()

  count(ending: Ending): void {
    this.#counts.set(ending, (this.#counts.get(ending) ?? 0) + 1)
  }

  print(): void {
    const counts = [...this.#counts].sort(([, a], [, b]) => b - a)
    console.log(counts.map(([ending, n]) => `${n} ${ending}`).join(', '))
    expect(counts.length).toBeGreaterThan(0)
  }
}
