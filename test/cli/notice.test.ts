import { purgeKept, removeFeature, restoreFeature } from 'kysely-unship'
import { expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { json, unship } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })

test('the message before the removal has the counts of this database, gaps for what only people know, and the checklist', async () => {
  const { code, out, err } = await unship(['notice', '--when', '2 March, 10:00'], settings())
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^# program_partner leaves unship_.*: 2 March, 10:00\n/)
  for (const text of [
    'Why: **[reason]**',
    'Questions: **[name]**',
    '| partners | 41 |',
    '| Data kept | 44 rows in 4 tables |',
    '| Downtime | none; others wait for milliseconds, twice |',
    '| `backup_program_partner_contacts` |',
    '- [ ] There is a backup of the whole database, and it can be restored',
    '| Data owner |  |  |',
  ])
    expect(out).toContain(text)
})

test('after it, the message has what the ledger says', async () => {
  await removeFeature(database().db, programPartner, { actor: 'ada', reason: 'moves to members' })
  const { code, out } = await unship(['notice', '--contact', 'Ada'], settings())
  expect(code).toBe(0)
  expect(out).toMatch(/^# program_partner has left unship_.* UTC\n/)
  expect(out).toMatch(
    /\| Done \| .* UTC, by ada \(run 1 of the ledger\) \|\n\| It took \| \d.* (ms|s) \|\n\| Others waited \| for \d.* ms at most \|/,
  )
  for (const text of [
    'Why: moves to members',
    'Questions: Ada',
    '| audit entries | 3 |',
    '| Kept until | not decided |',
  ])
    expect(out).toContain(text)
  await restoreFeature(database().db, programPartner)
  const restored = json(await unship(['notice', '--json'], settings()))
  expect(restored).toMatchObject({ feature: 'program_partner', about: 'restore' })
  expect(restored.markdown).toMatch(/^# program_partner is back in/)
})

test('it promises no way back that is gone, nor takes what an earlier restore left for one', async () => {
  await removeFeature(database().db, programPartner)
  await restoreFeature(database().db, programPartner)
  await removeFeature(database().db, programPartner)
  const { out: kept } = await unship(['notice'], settings())
  expect(kept).toContain(
    '| Way back | `kysely migrate:down`, while the backups are kept |\n| Kept until | not decided |',
  )
  expect(kept).not.toContain('archive_')
  await purgeKept(database().db, programPartner, { confirmed: true, forceDataLoss: true })
  const { out: gone } = await unship(['notice'], settings())
  expect(gone).toMatch(/\| Way back \| \*\*none: the backups were dropped\*\*, .* UTC \|\n\n/)
  expect(gone).toContain('## Where it is kept\n\nNothing.')
  expect(gone).not.toMatch(/migrate:down|until/)
})

test('where there is nothing to tell, it says so', async () => {
  await removeFeature(database().db, programPartner)
  await database().query(`drop schema unship cascade`)
  const { code, err } = await unship(['notice'], settings())
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('there is nothing to tell of feature') })
})
