import { describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'

describe('materialized views', () => {
  const database = useDatabase()

  test('are filled before the reveal where their query allows it', async () => {
    await database().query(`
      set role crm_owner;
      create type tier as enum ('gold', 'silver');
      create table contacts (id int primary key, name text, tier tier, points numeric default 0);
      create table log (id serial primary key, contact_id int references contacts on delete cascade, at timestamptz default now());
      create materialized view by_tier with (fillfactor = 70) as
        select c.tier, count(*) as contacts, sum(c.points) as points, count(l.id) as entries
        from contacts c left join log l on l.contact_id = c.id where c.tier = 'gold' or c.points > 0 group by c.tier;
      create unique index by_tier_tier on by_tier (tier);
      create index by_tier_points on by_tier ((points * 2)) where contacts > 1;
      comment on index by_tier_points is 'doubled';
      comment on materialized view by_tier is 'for the board';
      create materialized view golden as select * from by_tier where tier = 'gold';
      create view of_view as select name, tier from contacts where tier is not null;
      create materialized view late as select tier, count(*) from of_view group by tier;
      create view on_golden as select * from golden;
      create materialized view empty as select tier from contacts with no data;
      grant select on by_tier to crm_reporting;
      insert into contacts select n, 'c' || n, case n % 3 when 0 then 'gold' when 1 then 'silver' end::tier, n from generate_series(1, 30) n;
      insert into log (contact_id) select n from generate_series(1, 30) n;
      refresh materialized view by_tier; refresh materialized view golden; refresh materialized view late;
    `)
    const feature = defineFeature()({
      name: 'tiers',
      tables: ['log'],
      columns: { contacts: ['tier', 'points'] },
      types: ['tier'],
      views: ['by_tier', 'golden', 'of_view', 'late', 'on_golden', 'empty'],
    })
    const plan = await planRemoval(database().db, feature)
    const built = plan.restore.filter((s) => s.action === 'materialized view')
    expect(built.map((s) => [s.phase, s.reason])).toEqual([
      ['build', 'materialized view by_tier, filled'],
      ['build', 'materialized view golden, filled'],
    ])
    const before = await readState(database())
    await removeFeature(database().db, feature)
    const restored = await restoreFeature(database().db, feature)
    expect(restored.warnings).toEqual([])
    expect(await readState(database())).toEqual(before)
  })
})
