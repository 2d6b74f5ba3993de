import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { useRoles } from '../../support/role.ts'
import { asOwner, expectRoundTrip, major } from '../../support/round-trip.ts'

const feature = { name: 'f', columns: { host: ['gone'] }, views: ['report'] }

/** What PostgreSQL asks of its owner when it fills it, and no more. */
describe('a materialized view of another role comes back that selects', () => {
  const roles = useRoles('reporter', 'clerk')
  const database = useDatabase()

  const setUp = async (query: string, more: string) => {
    const [reporter, clerk] = roles()
    await database().query(
      `create schema inner_part; create table inner_part.lookup (id int primary key, secret int);
       insert into inner_part.lookup values (1, 1), (2, 2);
       grant usage on schema inner_part to crm_owner; grant ${reporter} to crm_owner;
       grant create on schema public to ${reporter}`,
    )
    await asOwner(
      database(),
      `create table host (id int primary key, gone int); insert into host values (1, 1);
       grant select on host to ${reporter}`,
    )
    await database().query(more.replaceAll('reporter', reporter).replaceAll('clerk', clerk))
    await asOwner(
      database(),
      `create materialized view report as ${query} with no data; alter materialized view report owner to ${reporter};
       set role ${reporter}; refresh materialized view report`,
    )
  }

  test.each([
    [
      'rows that a policy leaves it, in a schema that it may not look into',
      'select gone, id as other from host join inner_part.lookup using (id)',
      `alter table inner_part.lookup enable row level security; grant select on inner_part.lookup to reporter;
       create policy p on inner_part.lookup for select to reporter using (secret = 1)`,
    ],
    [
      'columns of a table',
      'select gone, other from host join (select id as other from inner_part.lookup) l on true',
      'grant select (id) on inner_part.lookup to reporter',
    ],
    [
      'all columns of a table, each by itself',
      'select gone, l as other from host join inner_part.lookup l on true',
      'grant select (id, secret) on inner_part.lookup to reporter',
    ],
    [
      'a number of rows, with a privilege on one column',
      'select gone, (select count(*) from inner_part.lookup) as n from host',
      'grant select (id) on inner_part.lookup to reporter',
    ],
    [
      "columns of a function's result that are those of a table",
      'select gone, l.id as other from host, looked_up() l',
      `create function looked_up() returns setof inner_part.lookup stable security definer language sql
         as 'select * from inner_part.lookup'`,
    ],
    [
      'what the owner of a view may select',
      'select gone, other from host join shown on true',
      `grant create on schema public to clerk; grant select on inner_part.lookup to clerk;
       create view shown as select id as other from inner_part.lookup; alter view shown owner to clerk;
       grant select on shown to reporter, crm_owner`,
    ],
  ])('%s', async (_, query, more) => {
    await setUp(query, more)
    await expectRoundTrip(database(), feature)
  })

  test('a column that comes back, with a privilege on it alone', async () => {
    const [reporter] = roles()
    await setUp('select gone from host', `revoke select on host from reporter; grant select (gone) on host to reporter`)
    expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'removed' })
    await asOwner(database(), `revoke all on host from ${reporter}`)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test.runIf(major() >= 15)(
    'what it may read itself, through a view of its invokers, and one of somebody else over that',
    async () => {
      await setUp(
        'select gone, other from host join above on true',
        `grant create on schema public to clerk; grant select on inner_part.lookup to reporter;
       create view shown with (security_invoker) as select id as other from inner_part.lookup;
       create view above with (security_invoker = 0) as select * from shown; alter view above owner to clerk;
       grant select on shown to clerk; grant select on above to reporter, crm_owner`,
      )
      await expectRoundTrip(database(), feature)
    },
  )
})
