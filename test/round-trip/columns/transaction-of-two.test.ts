import { describe, expect, it } from 'vitest'
import { sql } from 'kysely'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { asOwner } from '../../support/round-trip.ts'

const SETUP = `
  create table parent (id uuid primary key);
  create table host (id uuid primary key, parent_id uuid references parent deferrable initially deferred, a text, b text);
  create index on host (b);
  create function touch() returns trigger language plpgsql as 'begin return new; end';
  create trigger touch before update on host for each row execute function touch();
  with p as (insert into parent values (gen_random_uuid()) returning id)
  insert into host select gen_random_uuid(), id, 'a', 'b' from p`

/** PostgreSQL checks a foreign key again where the transaction has written the row before, whether its columns change or not. */
describe('a restore that fills rows which its transaction has written before, of a table with a foreign key that is INITIALLY DEFERRED', () => {
  const database = useDatabase()

  it('goes on after another restore', async () => {
    await asOwner(database(), SETUP)
    const before = await readState(database())
    const first = { name: 'first', columns: { host: ['a'] } }
    const second = { name: 'second', columns: { host: ['b'] } }
    await removeFeature(database().db, first)
    await removeFeature(database().db, second)
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await restoreFeature(trx, first)
        await restoreFeature(trx, second)
      })
    expect(await readState(database())).toEqual(before)
  })

  it('goes on after an UPDATE whose constraints have been checked, as the hint says', async () => {
    await asOwner(database(), SETUP)
    const feature = { name: 'f', columns: { host: ['b'] } }
    await removeFeature(database().db, feature)
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await sql`update host set a = 'other'`.execute(trx)
        await sql`set constraints all immediate`.execute(trx)
        expect(await restoreFeature(trx, feature)).toMatchObject({ outcome: 'restored' })
      })
  })
})
