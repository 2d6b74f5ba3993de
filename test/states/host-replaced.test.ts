import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'f', columns: { t: ['a'] }, tables: ['log'] }

/** A refusal tells what really stands in the way: whoever follows its hint must not come to the next one, with the old table dropped. */
describe('a host table that a table of the feature refers to, in whose place something else has come', () => {
  const database = useDatabase()
  beforeEach(async () => {
    await asOwner(
      database(),
      `create table t (id uuid primary key default gen_random_uuid(), a text); insert into t (a) values ('a');
       create table log (id int primary key, t uuid references t); insert into log select 1, id from t`,
    )
    await removeFeature(database().db, feature)
  })

  test.each([
    [
      'a partitioned table',
      `create table t (id uuid primary key) partition by hash (id); create table t_1 partition of t for values with (modulus 1, remainder 0); insert into t select id from old`,
      'a partitioned table',
    ],
    ['a view', 'create view t as select * from old', 'a view'],
  ])('%s', async (_, replace, became) => {
    await asOwner(database(), `alter table t rename to old; ${replace}`)
    const { detail } = await refusal('not_restorable', restoreFeature(database().db, feature))
    expect(detail).toContain(`t has become ${became}`)
  })
})
