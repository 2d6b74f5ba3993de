import { describe, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip, major } from '../../support/round-trip.ts'

/** What a text holds looks like what PostgreSQL prints, and is rewritten, where it is no text. */
const LIKE_A_CAST = `(ARRAY[''q''])::text[]`

describe('texts that hold what looks like SQL', () => {
  const database = useDatabase()

  test('in defaults, arguments, filters, views, checks, indexes and statistics', async () => {
    await asOwner(
      database(),
      `create table h (id int primary key, keep text, a text default '${LIKE_A_CAST}', "(ARRAY['q'])::text[]" varchar,
         constraint odd check (a <> '(ARRAY[1])::text[] ''' or "(ARRAY['q'])::text[]" in ('b', '${LIKE_A_CAST}')));
       insert into h (id, keep) values (1, 'x'), (2, 'y'); insert into h values (3, 'z', '(ARRAY[]', 'b');
       create index hi on h (a) where a <> '${LIKE_A_CAST}' and "(ARRAY['q'])::text[]" in ('b', 'c');
       create statistics hs on (a || 'ARRAY[1]::text[]'), id from h;
       create view v as select id, a, '${LIKE_A_CAST}'::text as t from h; alter view v alter a set default '${LIKE_A_CAST}';
       create materialized view m as select a, '${LIKE_A_CAST}'::text as t from h; create index on m ((t || '${LIKE_A_CAST}'));
       create function touch() returns trigger language plpgsql as 'begin return new; end';
       create trigger t before insert on h for each row execute function touch('(ARRAY[1])::text[]');
       create function f(a text default '${LIKE_A_CAST}') returns text language plpgsql as 'begin return a; end';`,
    )
    await expectRoundTrip(database(), {
      ...{ name: 'f', columns: { h: ['a', "(ARRAY['q'])::text[]"] }, views: ['v', 'm'], functions: ['f', 'touch'] },
      triggers: { h: ['t'] },
    })
  })

  test.skipIf(major() < 15)('in the row filter of a publication', async () => {
    await asOwner(database(), `create table t (id text primary key)`)
    await database().query(
      `create publication odd for table t where (id <> '(ARRAY[1])::text[]'); alter publication odd owner to crm_owner`,
    )
    await expectRoundTrip(database(), { name: 'f', tables: ['t'] })
  })

  test('names given to subqueries, values and functions are no obstacle', async () => {
    await asOwner(
      database(),
      `create table h (id int primary key, b int, c int); insert into h values (1, 2, 3), (2, 3, 4);
       create view v as select s.x, w.q, u.n, e.e from (select h.id, h.b from h join h o on h.id = o.b) s(x, y)
         cross join (values (1, 2)) w(p, q) cross join unnest(array[s.y]) u(n)
         join lateral (with i as (select h.b from h join h o using (id)) select b from i) e(e) on true;
       create view r as select h.*, row(1, 2) = (0, b) as pair from h;
       create view j as select x, y from ((select b, c from h) s cross join (select 1 as one) o) j(x, y);`,
    )
    await expectRoundTrip(database(), { name: 'f', columns: { h: ['b'] }, views: ['v', 'r', 'j'] })
  })
})
