import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const feature = defineFeature()({ name: 'pay', columns: { contacts: ['pay'] } })

test('what watches an index build over a second connection runs nobody’s operators', async () => {
  await asOwner(
    database(),
    `create table contacts (id int primary key, pay text);
     insert into contacts values (1, 'card');
     create index paid on contacts (pay)`,
  )
  // whoever may create in public, which the migrating role searches before pg_catalog
  await database().query(`
    create table ran (who text);
    create function trapped(a int, b int) returns bool language plpgsql security invoker as
      $$ begin insert into public.ran values (current_user); return a operator(pg_catalog.=) b; end $$;
    create operator public.= (leftarg = int, rightarg = int, function = trapped);
    grant insert on ran to public;
    alter database ${database().name} set search_path = public, pg_catalog`)
  await removeFeature(database().db, feature)
  const writer = await database().connect('crm_owner')
  await actingBefore(
    database(),
    'CREATE INDEX CONCURRENTLY',
    async () => {
      await writer.query(`begin; insert into contacts values (2, 'cash')`)
      void sleep(1_500).then(() => writer.query('commit'))
    },
    (db) => restoreFeature(db, feature, { onProgress: () => undefined }),
    3,
  )
  expect(await database().query('select distinct who from ran')).toEqual([])
})
