import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { useRoles } from '../../support/role.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

describe('a materialized view of another role', () => {
  const roles = useRoles('clerk')
  const database = useDatabase()

  test('is filled with what its owner may see', async () => {
    const [clerk] = roles()
    await database().query(`grant ${clerk} to crm_owner; grant create on schema public to ${clerk}`)
    await asOwner(
      database(),
      `create table t (id int primary key, tenant text, note text); insert into t values (1, 'a', 'x'), (2, 'b', 'secret');
       alter table t enable row level security; create policy p on t for select to ${clerk} using (tenant = 'a');
       grant select on t to ${clerk}`,
    )
    await database().query(
      `set role ${clerk}; create materialized view m as select id, note, current_user::text as who from t;
       create unique index m_id on m (id); reset role`,
    )
    const read = () =>
      database().query(`select m.*, (select relowner::regrole::text from pg_class where relname = 'm') as owner from m`)
    const before = await read()
    expect(before).toEqual([{ id: 1, note: 'x', who: clerk, owner: clerk }])
    const feature = { name: 'f', columns: { t: ['note'] }, views: ['m'] }
    await removeFeature(database().db, feature)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await read()).toEqual(before)
  })
})

describe('the replica identity of a materialized view', () => {
  const database = useDatabase()

  test.each(['full', 'nothing'])('%s', async (identity) => {
    await asOwner(
      database(),
      `create table t (id int primary key, note text); insert into t values (1, 'x');
       create materialized view m as select id, note from t; create unique index m_id on m (id);
       alter table m alter column id set statistics 7`,
    )
    await asOwner(database(), `alter materialized view m replica identity ${identity}`)
    await expectRoundTrip(database(), { name: 'f', columns: { t: ['note'] }, views: ['m'] })
  })
})
