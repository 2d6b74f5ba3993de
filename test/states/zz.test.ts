import { test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
const database = useDatabase({ template: 'demo' })
test('x', async () => {
  for (let i = 0; i < 25; i++) {
    const t = performance.now()
    const a = await removeFeature(database().db, programPartner)
    const b = await restoreFeature(database().db, programPartner)
    const u = performance.now()
    await readState(database(), { dump: false })
    if (i % 4 === 0) console.log(i, Math.round(a.durationMs), Math.round(b.durationMs), Math.round(performance.now() - u), b.phases.map(p=>p.phase+Math.round(p.durationMs)).join(' '))
  }
}, 120000)
