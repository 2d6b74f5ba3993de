import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { defineFeature, removeFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()

test.each([
  ['moved table', defineFeature()({ name: 'documents', tables: ['docs'] })],
  ['host table', defineFeature()({ name: 'documents', columns: { docs: ['note'] } })],
])('VACUUM of the TOAST table alone, as autovacuum does it, is in nobody’s way: of a %s', async (_, feature) => {
  await asOwner(
    database(),
    `create table docs (id int primary key, body text, note text);
    alter table docs alter body set storage external;
    insert into docs select n, repeat('x', 20000) from generate_series(1, 1000) n;
    delete from docs where id % 2 = 0`,
  )
  const [{ toast } = {}] = await database().query<{ toast: string }>(
    `select reltoastrelid::regclass::text as toast from pg_class where relname = 'docs'`,
  )
  const vacuum = await database().connect('admin')
  await vacuum.query('set vacuum_cost_delay = 100; set vacuum_cost_limit = 1')
  const cancelled = vacuum.query(`vacuum ${toast ?? ''}`).then(
    () => false,
    () => true,
  )
  await sleep(200)
  expect(await removeFeature(database().db, feature, { lockAttempts: 6 })).toMatchObject({ outcome: 'removed' })
  await database().query(`select pg_cancel_backend(pid) from pg_stat_activity where query like 'vacuum pg_toast%'`)
  // it was still at work
  expect(await cancelled).toBe(true)
})
