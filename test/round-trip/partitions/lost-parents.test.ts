import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { killedAt } from '../../states/broken.ts'
import { useDatabase } from '../../support/database.ts'
import { refusal } from '../../support/refusal.ts'
import { asOwner, expectOwnersOnly, HOSTILE_DEFAULTS } from '../../support/round-trip.ts'

describe('rows of a partitioned table whose parent went while it was away', () => {
  const database = useDatabase()
  const feature = { name: 'notes', tables: ['note'] }
  const parent = `create table parent (id int primary key); insert into parent select generate_series(1, 9);`
  const NOTE = (key: string) =>
    `create table note (id int, parent int default 1, ${key}) partition by list (id);
     create table note_1 partition of note for values in (1, 2);
     create table note_2 partition of note default partition by list (parent);
     create table note_2_a partition of note_2 for values in (3); create table note_2_b partition of note_2 default;
     insert into note values (1, 1), (2, 2), (3, 3), (4, 4), (5, null);`

  async function removeAndLose(...gone: number[]) {
    await database().query(HOSTILE_DEFAULTS)
    await removeFeature(database().db, feature)
    await database().query('delete from parent where id = any ($1)', [gone])
    const report = await restoreFeature(database().db, feature)
    await expectOwnersOnly(database())
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(
      await database().query(
        `select conrelid::regclass::text as relation from pg_constraint where conname = 'to_parent' and conparentid <> 0 and convalidated order by 1`,
      ),
    ).toEqual(['note_1', 'note_2', 'note_2_a', 'note_2_b'].map((relation) => ({ relation })))
    return report
  }
  const notes = () => database().query('select tableoid::regclass::text as at, id, parent from note order by id')
  const kept = async (name: string | undefined) =>
    await database().query(`select id, parent from ${name ?? ''} order by id`)

  test('are set aside together, whatever partition they were in', async () => {
    await asOwner(
      database(),
      `${parent} ${NOTE('constraint to_parent foreign key (parent) references parent on delete cascade')}
       create function fails() returns trigger language plpgsql as 'begin raise exception ''the application is not asked''; end';
       create trigger each_row before delete on note for each row execute function fails();
       create trigger alone before delete on note_1 for each row execute function fails();
       create trigger late after delete on note execute function fails();
       alter table note_2_b disable trigger each_row;
       alter table note enable row level security, force row level security;
       alter table note_1 enable row level security, force row level security;`,
    )
    const triggers = () =>
      database().query(
        `select tgrelid::regclass::text as on, tgname, tgenabled from pg_trigger where tgname in ('each_row', 'alone', 'late') order by 1, 2`,
      )
    const before = await triggers()
    const report = await removeAndLose(2, 3)
    expect(report.setAside).toMatchObject([{ table: 'note', rows: 2 }])
    expect(await kept(report.setAside[0]?.kept)).toEqual([
      { id: 2, parent: 2 },
      { id: 3, parent: 3 },
    ])
    expect(await notes()).toEqual([
      { at: 'note_1', id: 1, parent: 1 },
      { at: 'note_2_b', id: 4, parent: 4 },
      { at: 'note_2_b', id: 5, parent: null },
    ])
    expect(await triggers()).toEqual(before)
  })

  test('lose the reference, and go to the partition where they belong then', async () => {
    await asOwner(
      database(),
      `${parent} ${NOTE('constraint to_parent foreign key (parent) references parent on delete set null')}`,
    )
    const report = await removeAndLose(2, 3)
    expect(report.setAside).toMatchObject([{ table: 'note', rows: 2 }])
    expect(await notes()).toEqual([
      { at: 'note_1', id: 1, parent: 1 },
      { at: 'note_1', id: 2, parent: null },
      { at: 'note_2_b', id: 3, parent: null },
      { at: 'note_2_b', id: 4, parent: 4 },
      { at: 'note_2_b', id: 5, parent: null },
    ])
  })

  test('of one partition alone, and the restore broke off after them', async () => {
    await asOwner(
      database(),
      `${parent} ${NOTE('unique (id, parent)')}
       alter table note_2_b add constraint to_parent foreign key (parent) references parent on delete cascade`,
    )
    await removeFeature(database().db, feature)
    await database().query('delete from parent where id in (2, 4)')
    const broken = restoreFeature(database().db, feature, killedAt(database(), ['phase started', 'reveal']))
    await refusal('server_unreachable', broken)
    const report = await restoreFeature(database().db, feature)
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await kept(report.setAside[0]?.kept)).toEqual([{ id: 4, parent: 4 }])
  })

  test('where the parent is partitioned, and rows were parents of others', async () => {
    await asOwner(
      database(),
      `create table parent (id int primary key) partition by list (id);
       create table parent_1 partition of parent for values in (1, 2); create table parent_2 partition of parent default;
       insert into parent select generate_series(1, 9);
       ${NOTE('constraint to_parent foreign key (parent) references parent')}
       create table reply (id int, parent int, constraint to_parent_too foreign key (parent) references parent_1);
       insert into reply values (1, 1), (2, 2);`,
    )
    await removeFeature(database().db, { ...feature, tables: ['note', 'reply'] })
    await database().query('delete from parent where id in (2, 4)')
    const report = await restoreFeature(database().db, feature)
    expect(report.setAside.map(({ table, rows }) => ({ table, rows }))).toEqual([
      { table: 'note', rows: 2 },
      { table: 'reply', rows: 1 },
    ])
  })

  test('what inherits from the parent is none: a foreign key does not count it', async () => {
    await asOwner(
      database(),
      `${parent} create table child () inherits (parent);
       create table note (id int, parent int constraint to_parent references parent); insert into note values (1, 1), (2, 2);`,
    )
    await removeFeature(database().db, feature)
    await database().query('delete from parent where id = 2; insert into child values (2)')
    const report = await restoreFeature(database().db, feature)
    expect(report.setAside).toMatchObject([{ table: 'note', rows: 1 }])
  })
})
