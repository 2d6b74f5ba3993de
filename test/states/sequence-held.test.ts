import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'pay', tables: ['payments'] }

describe('a restore whose table cannot come back tells', () => {
  const database = useDatabase()
  beforeEach(async () => {
    await asOwner(database(), `create table payments (id serial primary key, amount int)`)
    await removeFeature(database().db, feature)
  })

  test.each([
    ['who has read only its sequence', 'select last_value from backup_payments_id_seq', 'backup_payments_id_seq'],
    ['who has commented only on its index', `comment on index backup_payments_pkey is 'x'`, 'backup_payments_pkey'],
  ])('%s', async (_, statement, held) => {
    const client = await database().connect('crm_owner')
    const [{ pid } = { pid: 0 }] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
    await client.query(`begin; ${statement}`)
    const { detail } = await refusal('locked', restoreFeature(database().db, feature, { lockAttempts: 3 }))
    await client.query('rollback')
    expect(detail).toContain(`pid ${String(pid)},`)
    expect(detail).toContain(`holds public.${held}`)
  })
})
