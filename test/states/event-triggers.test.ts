import { describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

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

  test('are asked for by the restore too, which knows those that the removal was told of', async () => {
    const make = (name: string) =>
      database().query(`create event trigger ${name} on ddl_command_end execute function on_ddl()`)
    await asOwner(
      database(),
      'create table contacts (id int primary key, flag boolean); insert into contacts values (1, true)',
    )
    await database().query(`create function on_ddl() returns event_trigger language plpgsql as 'begin end'`)
    await make('known')
    const feature = { name: 'flag', columns: { contacts: ['flag'] }, acknowledge: { eventTriggers: ['known'] } }
    await removeFeature(database().db, feature)
    await make('late')
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
    expect(error.detail).toBe('event trigger late fires on DDL.')
    expect(error.hint).toContain('acknowledge.eventTriggers')
    const both = { ...feature, acknowledge: { eventTriggers: ['late'] } }
    expect(await restoreFeature(database().db, both)).toMatchObject({ outcome: 'restored', warnings: [] })
  })
})
