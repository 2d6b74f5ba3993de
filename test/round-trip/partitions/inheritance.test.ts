import { describe, expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRefusal, expectRoundTrip } from '../../support/round-trip.ts'

const TREE = `create table base (id int not null, note text default 'none', constraint positive check (id > 0));
  create table other (n int, constraint alone check (n <> 7) no inherit);
  create table child (own text) inherits (base);
  create table both_of (id int, own int) inherits (base, other);
  create table grandchild (note text default 'late', unique (id)) inherits (child);
  alter table child alter note set default 'child';
  insert into base values (1), (2); insert into child values (3, 'x', 'y'); insert into both_of (id, n) values (4, 1);
  insert into grandchild values (5);`

describe('a tree of inheritance leaves as a whole', () => {
  const database = useDatabase()
  const feature = { name: 'trees', tables: ['base', 'other', 'child', 'both_of', 'grandchild'] }

  test('with columns merged and own, checks, indexes, triggers, privileges', async () => {
    await asOwner(
      database(),
      `${TREE}
       create index on base (note); create index on child (note);
       create function kept() returns trigger language plpgsql as 'begin return new; end';
       create trigger t before insert on base for each row execute function kept();
       create trigger t before insert on child for each row execute function kept();
       alter table child disable trigger t;
       alter table child add constraint not_yet check (own <> 'z') not valid;
       grant select on base to crm_app; grant insert on grandchild to crm_app;
       alter table base enable row level security, force row level security; create policy p on base using (true);
       comment on column both_of.id is 'merged'; create view v as select * from base; create view w as select * from only base;`,
    )
    await expectRoundTrip(database(), { ...feature, views: ['v', 'w'] })
  })

  test('children that are not declared are suggested', async () => {
    await asOwner(database(), TREE)
    const refusal = await expectRefusal(database(), { name: 'trees', tables: ['base'] })
    expect(refusal.code).toBe('undeclared_dependents')
    expect(refusal.suggestion?.tables?.toSorted()).toEqual(['both_of', 'child', 'grandchild'])
    const further = await expectRefusal(database(), {
      name: 'trees',
      tables: ['base', 'both_of', 'child', 'grandchild'],
    })
    expect(further.detail).toContain('relation both_of inherits from public.base, public.other')
  })

  test('each backup is counted and sealed by itself', async () => {
    await asOwner(database(), TREE)
    const report = await removeFeature(database().db, feature)
    expect(report.counts).toEqual({ base: 2, other: 0, child: 1, both_of: 1, grandchild: 1 })
    expect(Object.fromEntries(report.backups.map((b) => [b.table, b.rows]))).toEqual({
      backup_base: 2,
      backup_other: 0,
      backup_child: 1,
      backup_both_of: 1,
      backup_grandchild: 1,
    })
  })

  test('foreign keys of its tables, which hold for each table alone', async () => {
    await asOwner(
      database(),
      `create table kept (id int primary key); insert into kept values (1), (2);
       create table base (id int primary key references kept); create table child (primary key (id)) inherits (base);
       alter table child add foreign key (id) references base;
       insert into base values (1), (2); insert into child values (1);`,
    )
    await expectRoundTrip(database(), { name: 'trees', tables: ['base', 'child'] })
  })
})
