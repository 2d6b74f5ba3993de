import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

const SALE = `create table sale (id int not null, at date not null, note text) partition by range (at);
  create table sale_1 partition of sale for values from ('2024-01-01') to ('2025-01-01');
  create table sale_2 partition of sale for values from ('2025-01-01') to ('2026-01-01') partition by list (id);
  create table sale_2_a partition of sale_2 for values in (1, 2, 3);
  create table sale_2_b partition of sale_2 default;
  insert into sale select i, date '2024-01-01' + i * 60, 'n' || i from generate_series(1, 10) i;`
const feature = { name: 'sales', tables: ['sale'] }

describe('what a partitioned table and its partitions have', () => {
  const database = useDatabase()

  test('indexes, attached or of a partition alone, constraints, statistics, comments', async () => {
    await asOwner(
      database(),
      `${SALE}
       alter table sale add constraint "the key" primary key (id, at);
       create index "by note" on sale (lower(note)) where id > 0;
       create index alone on sale_1 (note) with (fillfactor = 50);
       create index own_name on sale_1 (at desc);
       create index of_both on only sale (at desc);
       alter index of_both attach partition own_name;
       create index on sale_2 (at desc);
       alter table sale_1 cluster on alone;
       alter table sale_1 replica identity using index sale_1_pkey;
       alter table sale add constraint positive check (id > 0), add constraint unlike check (note <> '') not valid;
       alter table sale_1 add constraint only_here check (note is not null), add constraint small unique (id);
       alter table sale_2_a alter note set default 'a', alter note set statistics 7, alter note set storage external;
       alter table sale_1 alter note set not null;
       create statistics of_sale on id, at from sale; create statistics of_part on id, note from sale_1;
       alter index "by note" alter column 1 set statistics 9;
       comment on table sale is 'all'; comment on table sale_1 is 'one'; comment on column sale_2_a.note is 'a note';
       comment on index own_name is 'its own'; comment on index "by note" is 'lower';
       comment on constraint positive on sale is 'p'; comment on constraint "the key" on sale is 'k';
       comment on statistics of_part is 's';
       analyze sale;`,
    )
    await expectRoundTrip(database(), feature, {
      removed: async () => expect(await database().query(`select to_regclass('own_name') as i`)).toEqual([{ i: null }]),
    })
  })

  test('an index that lacks a part stays as it is', async () => {
    await asOwner(database(), `${SALE} create index incomplete on only sale (note); create index on sale_1 (note);`)
    await expectRoundTrip(database(), feature)
  })

  test('privileges, on each partition its own, and row level security', async () => {
    await asOwner(
      database(),
      `${SALE}
       grant select on sale to crm_app; grant insert, update (note) on sale_1 to crm_app with grant option;
       grant select (id) on sale_2 to crm_reporting; grant all on sale_2_a to public;
       revoke all on sale_2_b from crm_owner;
       alter table sale enable row level security; alter table sale_1 enable row level security;
       alter table sale_2_b force row level security;
       create policy mine on sale for select to crm_app using (id > 1);
       create policy on_part on sale_1 as restrictive using (note is not null) with check (id < 100);
       comment on policy on_part on sale_1 is 'one';`,
    )
    await expectRoundTrip(database(), feature)
  })

  test('triggers: copied row triggers, those of partitions alone, enabled in their own ways', async () => {
    await asOwner(
      database(),
      `${SALE}
       create function kept() returns trigger language plpgsql as 'begin return new; end';
       create trigger each_row before insert or update on sale for each row execute function kept();
       create trigger each_statement after insert on sale execute function kept();
       create trigger alone after delete on sale_1 for each row when (old.id > 1) execute function kept();
       create constraint trigger late after insert on sale deferrable initially deferred for each row execute function kept();
       alter table only sale disable trigger each_row;
       alter table sale_1 enable always trigger each_row;
       alter table sale_2_a disable trigger each_row;
       alter table sale_2_b enable replica trigger late;
       comment on trigger each_row on sale is 'all'; comment on trigger alone on sale_1 is 'one';`,
    )
    await expectRoundTrip(database(), feature)
  })

  test('triggers, checks, keys and defaults that call functions of the feature', async () => {
    await asOwner(
      database(),
      `create function bucket(int) returns int immutable language sql as 'select $1 % 2';
       create function ok(text) returns boolean immutable language sql as 'select true';
       create function on_sale() returns trigger language plpgsql as 'begin return new; end';
       create table sale (id int not null default bucket(4), note text check (ok(note))) partition by list (bucket(id));
       create table sale_0 partition of sale for values in (0); create table sale_1 partition of sale default;
       create trigger each_row before insert on sale for each row execute function on_sale();
       create trigger alone before insert on sale_1 execute function on_sale();
       alter table sale_1 disable trigger each_row;
       create index on sale (bucket(id));
       create policy p on sale_1 using (ok(note));
       insert into sale values (1, 'a'), (2, 'b');`,
    )
    await expectRoundTrip(database(), { ...feature, functions: ['bucket', 'ok', 'on_sale'] })
  })

  test('views, functions and materialized views that read it, rules', async () => {
    await asOwner(
      database(),
      `${SALE}
       create view all_sales as select * from sale; create view few as select id from sale_2_a;
       create materialized view counted as select at, count(*) from sale group by at;
       create index on counted (at);
       create function sales(int) returns setof sale stable language sql as 'select * from public.sale where id = $1';
       create function rows_of(sale_1) returns int immutable language sql as 'select $1.id';
       create rule nothing as on delete to sale_2_b do instead nothing;`,
    )
    await expectRoundTrip(database(), {
      ...feature,
      views: ['all_sales', 'few', 'counted'],
      functions: ['sales', 'rows_of'],
    })
  })

  test('identity and serial columns, options, unlogged, tablespace', async () => {
    await asOwner(
      database(),
      `create table sale (id bigint generated by default as identity (start 5 increment 2), n serial, at date not null,
         double int generated always as (3) stored) partition by range (at);
       create table sale_1 partition of sale for values from ('2024-01-01') to ('2025-01-01') with (fillfactor = 70, toast.autovacuum_enabled = false);
       create unlogged table sale_2 partition of sale for values from ('2025-01-01') to ('2026-01-01');
       alter table sale_2 set (autovacuum_enabled = false);
       insert into sale (at) select date '2024-01-01' + i * 60 from generate_series(1, 10) i;`,
    )
    await expectRoundTrip(database(), feature, {
      removed: async () =>
        expect(await database().query(`select to_regclass('sale_n_seq') as s`)).toEqual([{ s: null }]),
    })
  })
})
