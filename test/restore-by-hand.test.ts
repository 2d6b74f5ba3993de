import { removeFeature, restoreFeature } from 'kysely-unship'
import { expect, test } from 'vitest'
import { programPartner } from '../migrations/1762603200000_remove_program_partner.ts'
import { blocks, hasPsql, page, psql, script } from './support/by-hand.ts'
import { useDatabase } from './support/database.ts'
import { readState } from './support/life.ts'

const database = useDatabase({ template: 'demo' })

test('every block of the page has a name', () => {
  expect(blocks.map(({ name }) => name)).toEqual([
    'find',
    'settings',
    'archive',
    'count',
    'read',
    'begin',
    'restore',
    'record',
  ])
  expect(page.match(/^```sql$/gm)).toHaveLength(blocks.length)
})

test('following it with psql brings everything back, and the feature can be removed again', async ({ skip }) => {
  if (!hasPsql()) skip('no psql is on PATH')
  // what fires on UPDATE, and how, has to be as it was
  await database().query('alter table contacts enable always trigger contacts_set_updated_at')
  const before = await readState(database())
  await removeFeature(database().db, programPartner)
  const { out, failed } = psql(database(), script())
  expect(failed, out).toBe(false)
  expect(out).toMatch(/^1\|program_partner\|removal\|\|done\|/m)
  expect(out).toMatch(/^backup_program_partner_contacts\|41\|41$/m)
  const left = await database().query<{ relname: string }>(
    `select relname from pg_class where relname ~ '^by_hand_' and relkind = 'r' order by 1`,
  )
  expect(left.map(({ relname }) => relname.replace(/\d+/, '')).sort()).toEqual([
    'by_hand__backup_program_partner_contacts',
    'by_hand__backup_program_partner_subscriptions',
  ])
  await database().query(`drop table ${left.map(({ relname }) => relname).join(', ')}`)
  expect(await readState(database())).toEqual(before)

  expect((await restoreFeature(database().db, programPartner)).outcome).toBe('absent')
  expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
  expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
  expect(await readState(database())).toEqual(before)
})

test('a failure on the way undoes all of it', async ({ skip }) => {
  if (!hasPsql()) skip('no psql is on PATH')
  await removeFeature(database().db, programPartner)
  const before = await readState(database())
  await database().query('create view program_partner_compliance as select 1 as in_the_way')
  const { out, failed } = psql(database(), script())
  expect({ failed, out }).toEqual({ failed: true, out: expect.stringContaining('already exists') })
  await database().query('drop view program_partner_compliance')
  expect(await readState(database())).toEqual(before)
})
