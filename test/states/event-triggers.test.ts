import { describe, expect, test } from 'vitest'
import { defineFeature, planRemoval } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'

describe('event triggers on DDL', () => {
  const database = useDatabase()

  test('are refused, since they could abort a restore, unless acknowledged', async () => {
    await database().query(`
      create function on_ddl() returns event_trigger language plpgsql as 'begin end';
      create event trigger watch_ddl on ddl_command_end execute function on_ddl();
      create table contacts (id int primary key, flag boolean);
      alter table contacts owner to crm_owner`)
    const feature = { name: 'flag', columns: { contacts: ['flag'] } }
    await expect(planRemoval(database().db, defineFeature()(feature))).rejects.toMatchObject({
      code: 'not_restorable',
      detail: expect.stringContaining('watch_ddl') as string,
    })
    const acknowledged = defineFeature()({ ...feature, acknowledge: { eventTriggers: ['watch_ddl'] } })
    await expect(planRemoval(database().db, acknowledged)).resolves.toMatchObject({ absent: false })
  })
})
