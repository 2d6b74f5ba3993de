import { describe, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { useRoles } from '../../support/role.ts'
import { expectRoundTrip } from '../../support/round-trip.ts'

describe('what another role owns', () => {
  const roles = useRoles('maker')
  const database = useDatabase()

  /** Everything of the feature belongs to a role that crm_owner is a member of, and so does its host table. */
  async function made() {
    const [maker] = roles()
    await database().query(
      `grant ${maker} to crm_owner; grant create, usage on schema public to ${maker}; grant create on database ${database().name} to crm_owner;
       set role ${maker};
       create type mood as enum ('ok');
       create table host (id uuid primary key, name text, gone int check (gone > 0), also mood);
       create table item (id serial primary key, twin int generated always as identity, m mood, host uuid references host on delete cascade);
       create index on host (gone) where also is not null;
       create statistics host_st on gone, also from host;
       create statistics item_st on m, host from item;
       create sequence number;
       create view shown as select i.id, h.gone from item i join host h on h.id = i.host;
       create materialized view stored as select * from shown with no data;
       create function t() returns trigger language plpgsql security definer as 'begin return new; end';
       create aggregate total(int) (sfunc = int4pl, stype = int);
       create trigger t before insert on item for each row execute function t();
       create trigger u before update of gone on host for each row execute function t();
       alter table item enable row level security; create policy p on item to ${maker} using (m = 'ok');
       grant select on item, host, shown, stored to crm_app with grant option; grant update (gone) on host to crm_app;
       insert into host values (gen_random_uuid(), 'a', 1, 'ok'); insert into item (m, host) select 'ok', id from host;
       reset role;`,
    )
    return {
      name: 'made',
      tables: ['item'],
      columns: { host: ['gone', 'also'] },
      views: ['shown', 'stored'],
      functions: ['t', 'total'],
      types: ['mood'],
      sequences: ['number'],
      triggers: { host: ['u'] },
    }
  }

  test('stays its own, when a member migrates', async () => {
    await expectRoundTrip(database(), await made())
  })

  test('stays its own, when a superuser migrates', async () => {
    await expectRoundTrip(database(), await made(), { db: database().admin })
  })
})
