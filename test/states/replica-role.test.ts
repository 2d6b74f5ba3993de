import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { asOwner } from '../support/round-trip.ts'

describe('a session whose session_replication_role is replica', () => {
  const database = useDatabase()

  test.each(['enable', 'enable always', 'enable replica'])('no trigger fires for filling: %s', async (enable) => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 5) n;
       create function touch_fn() returns trigger language plpgsql as 'begin new.name := new.name || ''!''; return new; end';
       create trigger touch before update on contacts for each row execute function touch_fn();
       alter table contacts ${enable} trigger touch`,
    )
    const before = await readState(database(), { dump: false })
    const feature = { name: 'f', columns: { contacts: ['pay'] } }
    await database()
      .admin.connection()
      .execute(async (db) => {
        await sql`set session_replication_role = replica`.execute(db)
        await removeFeature(db, feature)
        await restoreFeature(db, feature)
      })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })
})
