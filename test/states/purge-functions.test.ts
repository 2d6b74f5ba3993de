import { expect, test } from 'vitest'
import { purgeKept, removeFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()

test.each(['', '; create type state as enum ()'])(
  'a function that takes a type of the feature goes with it%s',
  async (anew) => {
    const feature = { name: 'f', tables: ['item'], types: ['state'], functions: ['known'] }
    await asOwner(
      database(),
      `create type state as enum ('a'); create function known(state) returns boolean language sql immutable as 'select $1 is not null';
       create table item (id int primary key, state state check (known(state)))`,
    )
    await removeFeature(database().db, feature)
    await asOwner(database(), `create function backup_known(int) returns int language sql as 'select 1'${anew}`)
    const { dropped } = await purgeKept(database().db, feature, { confirmed: true, forceDataLoss: true })
    expect(dropped).toHaveLength(1)
    expect(
      await database().query(`select oid::regprocedure from pg_proc where proname in ('known', 'backup_known')`),
    ).toEqual([{ oid: 'backup_known(integer)' }])
    expect(await database().query(`select oid::regtype from pg_type where typname = 'backup_state'`)).toEqual([])
  },
)
