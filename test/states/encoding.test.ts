import { describe, expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner, expectRoundTrip } from '../support/round-trip.ts'

describe('a database in another encoding than UTF8', () => {
  const database = useDatabase({ encoding: 'LATIN1' })
  const feature = { name: 'f', columns: { orders: ['note', 'rank'] }, tables: ['item'], views: ['größen'] }
  const setup = `
    create table orders (id int primary key, note text default 'é', rank int) partition by list (id);
    create table orders_1 partition of orders for values in (1, 2);
    create table orders_rest partition of orders default;
    create index on orders (rank, lower(note));
    insert into orders select g, 'ü' || g, g from generate_series(1, 20) g;
    create table item (id int primary key, "größe" text check ("größe" <> 'ß'));
    comment on table item is 'ça';
    create view "größen" as select "größe" from item;`

  test('takes and keeps what removal and restore write', async () => {
    await asOwner(database(), setup)
    await expectRoundTrip(database(), feature)
  })

  test('keeps a record of a removal that gave up, and of who was in its way', async () => {
    await asOwner(database(), setup)
    const holder = await database().connect()
    await holder.query(`begin; select * from item where id = 17 and "größe" <> 'x'`)
    const error = await refusal('locked', removeFeature(database().db, feature, { lockTimeoutMs: 20, lockAttempts: 2 }))
    await holder.query('rollback')
    expect(error.message).toContain('from item where id = ')
    expect(await database().query('select state, error is not null as told from unship.runs')).toEqual([
      { state: 'aborted', told: true },
    ])
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
  })
})
