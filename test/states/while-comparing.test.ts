import type pg from 'pg'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type Feature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { whileComparing } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

/*
 * Between the comparison and the locks that others wait for. Views are locked first: who reads one holds the cut-over up before it has
 * a strong lock of a table.
 */

const database = useDatabase()

const during = (feature: Feature, act: (other: pg.Client) => Promise<unknown>) =>
  whileComparing(database(), feature, `set phase = 'record'`, 'last', act)

describe('what comes to depend on columns of a host table when the cut-over has compared', () => {
  const feature = defineFeature()({ name: 'extras', columns: { members: ['note'] }, views: ['last'] })
  beforeEach(() =>
    asOwner(
      database(),
      `create table members (id int primary key, kept int, note text);
       insert into members (id, note) values (1, 'note 1');
       create view last as select 1 as one;
       create sequence counting; select setval('counting', 77)`,
    ),
  )

  test('a sequence that the column has come to own is not dropped with it', async () => {
    const outcome = await during(feature, (other) => other.query('alter sequence counting owned by members.note'))
    expect(await database().query(`select to_regclass('counting')::text as found`)).toEqual([{ found: 'counting' }])
    expect(outcome).toMatchObject({ code: 'plan_changed' })

    // planned with, it goes and comes back
    expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'removed' })
    await restoreFeature(database().db, feature)
    expect(await database().query('select last_value::int from counting')).toEqual([{ last_value: 77 }])
  })

  test('rows of the table that another one has come to store do not lose what they hold of the column', async () => {
    const outcome = await during(feature, (other) =>
      other.query('create table stored (member members); insert into stored select m from members m'),
    )
    expect(await database().query('select (member).note from stored')).toEqual([{ note: 'note 1' }])
    expect(outcome).toMatchObject({ code: 'plan_changed' })
  })

  test('what depends on other columns is nobody’s business', async () => {
    const outcome = await during(feature, (other) =>
      other.query('create view more as select id, kept from members; alter sequence counting owned by members.kept'),
    )
    expect(outcome).toMatchObject({ outcome: 'removed' })
  })
})

describe('a table that its owner may not write to', () => {
  test('is read on, where it is a partition', async () => {
    await asOwner(
      database(),
      `create table readings (id int primary key, note text) partition by range (id);
       create table readings_old partition of readings for values from (0) to (1000);
       insert into readings values (1, 'a'); create view last as select 1 as one;
       grant select on readings_old to crm_app; revoke insert, update, delete, truncate on readings_old from crm_owner`,
    )
    const granted = () => database().query(`select relacl::text from pg_class where relname = 'readings_old'`)
    const before = await granted()
    const feature = defineFeature()({ name: 'extras', columns: { readings: ['note'] }, views: ['last'] })
    const outcome = await during(feature, (other) =>
      other.query(`set lock_timeout = '100ms'; select from readings_old limit 1`),
    )
    expect(outcome).toMatchObject({ outcome: 'removed' })
    expect(await granted()).toEqual(before)
  })

  test.each([
    ['as that of any other', ''],
    ['if it may read alone', 'revoke insert, update, delete, truncate on audit from crm_owner'],
    ['if it may do nothing', 'grant select on audit to crm_app; revoke all on audit from crm_owner'],
  ])('keeps its foreign key as it is, %s', async (_, revoke) => {
    await asOwner(
      database(),
      `create table members (id int primary key);
       create table audit (id int primary key, member int references members);
       create view last as select 1 as one`,
    )
    await asOwner(database(), revoke)
    const feature = defineFeature()({ name: 'extras', tables: ['audit'], views: ['last'] })
    const altered: unknown[] = []
    const outcome = await during(feature, async (other) => {
      await other.query(`set lock_timeout = '100ms'`)
      const alter = other.query('alter table audit alter constraint audit_member_fkey deferrable')
      altered.push(await alter.catch((error: unknown) => error))
    })
    expect(altered).toMatchObject([{ code: '55P03' }])
    expect(outcome).toMatchObject({ outcome: 'removed' })
  })
})
