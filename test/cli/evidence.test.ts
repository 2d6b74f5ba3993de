import { expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { signsOf } from '../../src/cli/render/evidence.ts'
import { reviewRemoval } from '../../src/run/review/review-removal.ts'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase({ template: 'demo' })

async function evidence() {
  const review = await reviewRemoval(database().admin, programPartner)
  if (review.direction === 'none') throw new Error('nothing was planned')
  return review.evidence
}

test('sees sessions, scans and calls of functions', async () => {
  await database().query(`alter role crm_owner in database ${database().name} set track_functions = 'all'`)
  // a session tells what it has counted when it ends
  await asOwner(database(), `select update_payment_method((select id from contacts limit 1), 'card', 'x', now())`)
  const client = await database().connect()
  await client.query(`select payment_method from contacts where email = 'jane@example.org' limit 17`)
  await expect.poll(async () => (await evidence()).functions.used).toHaveLength(1)
  const found = await evidence()
  expect(found.sessions.using).toEqual([
    expect.objectContaining({
      user: 'crm_owner',
      mentions: ['contacts.payment_method'],
      // a plan is read in pull requests: nobody's values belong there
      query: `select payment_method from contacts where email = '...' limit ...`,
    }),
  ])
  expect(found.relations.find(({ relation }) => relation === 'program_partner_audit_log')?.writes).toBeGreaterThan(0)
  expect(signsOf(found).filter(({ kind }) => kind === 'used').length).toBeGreaterThanOrEqual(3)
})

test('says what it cannot see: pg_stat_statements, sessions of others', async () => {
  expect((await evidence()).statements.unavailable).toContain('not installed')
  const [there] = await database().query<{ loaded: boolean; available: boolean }>(
    `select current_setting('shared_preload_libraries') ~ 'pg_stat_statements' as loaded,
       exists (select from pg_available_extensions where name = 'pg_stat_statements') as available`,
  )
  if (there?.available) {
    await database().query('create extension pg_stat_statements')
    const { statements } = await evidence()
    if (there.loaded) expect(statements.unavailable).toBeNull()
    else expect(statements.unavailable).toContain('shared_preload_libraries')
  }
  await database().query('select 1')
  const asOwner = await reviewRemoval(database().db, programPartner)
  expect(asOwner).toMatchObject({ evidence: { sessions: { hidden: expect.any(Number) } } })
  if (asOwner.direction === 'removal') expect(asOwner.evidence.sessions.hidden).toBeGreaterThan(0)
})
