import fc from 'fast-check'
import { appendFileSync, writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { checkWorld } from './check.ts'
import { life, world } from './description.ts'
test('hunt', { timeout: 3_000_000 }, async () => {
  const n = Number(process.env.HUNT ?? 40),
    seed = Number(process.env.HUNT_SEED ?? 1)
  const out = process.env.HUNT_OUT ?? '/tmp/hunt'
  writeFileSync(out, '')
  const withLife = process.env.HUNT_LIFE === '1'
  const samples = fc.sample(fc.tuple(world, life), { numRuns: n, seed })
  const counts: Record<string, number> = {}
  for (const [i, [w, l]] of samples.entries()) {
    try {
      const e = await checkWorld(w, withLife ? l : [])
      counts[e] = (counts[e] ?? 0) + 1
    } catch (error) {
      counts.FAIL = (counts.FAIL ?? 0) + 1
      appendFileSync(out, `\n##### ${seed}/${i}\n${(error as Error).message}\n`)
    }
  }
  console.log(JSON.stringify(counts))
})
