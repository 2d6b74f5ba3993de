import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase, type TestDatabase } from '../../support/database.ts'
import { asOwner, expectOwnersOnly, HOSTILE_DEFAULTS, major } from '../../support/round-trip.ts'

/** Rows of the tables that keep what was set aside, each with the reason. */
async function setAsideRows(database: TestDatabase): Promise<any[]> {
  const tables = await database.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class where relname like 'set_aside_%' order by relname`,
  )
  const rows: any[] = []
  for (const { name } of tables) rows.push(...(await database.query(`select * from ${name} order by id`)))
  return rows
}

describe('rows whose parent went while the feature was away', () => {
  const database = useDatabase()
  const feature = { name: 'notes', tables: ['note'] }
  const parent = `create table parent (id int primary key, name text); insert into parent values (1, 'a'), (2, 'b'), (3, 'c');`

  async function removeAndLose(...gone: number[]) {
    await database().query(HOSTILE_DEFAULTS)
    await removeFeature(database().db, feature)
    await database().query(`delete from parent where id = any ($1)`, [gone])
    const report = await restoreFeature(database().db, feature)
    await expectOwnersOnly(database())
    return report
  }

  test.each(['cascade', 'restrict', 'no action'])('%s: the row is set aside', async (action) => {
    await asOwner(
      database(),
      `${parent} create table note (id int primary key, parent int references parent on delete ${action}, note text);
       insert into note values (1, 1, 'x'), (2, 2, 'y'), (3, null, 'z');`,
    )
    const report = await removeAndLose(2)
    expect(report).toMatchObject({ outcome: 'restored', warnings: [], setAside: [{ table: 'note', rows: 1 }] })
    expect(await database().query('select * from note order by id')).toEqual([
      { id: 1, parent: 1, note: 'x' },
      { id: 3, parent: null, note: 'z' },
    ])
    expect(await setAsideRows(database())).toMatchObject([{ id: 2, parent: 2, note: 'y' }])
    expect(await database().query(`select convalidated from pg_constraint where conname = 'note_parent_fkey'`)).toEqual(
      [{ convalidated: true }],
    )
  })

  test('set null: the row stays without its parent', async () => {
    await asOwner(
      database(),
      `${parent} create table note (id int primary key, parent int references parent on delete set null, note text);
       insert into note values (1, 1, 'x'), (2, 2, 'y');`,
    )
    const report = await removeAndLose(2)
    expect(report.setAside).toMatchObject([{ table: 'note', rows: 1 }])
    expect(await database().query('select * from note order by id')).toEqual([
      { id: 1, parent: 1, note: 'x' },
      { id: 2, parent: null, note: 'y' },
    ])
    expect(await setAsideRows(database())).toMatchObject([{ id: 2, parent: 2, note: 'y' }])
  })

  test('set null of some columns: those alone are changed', async () => {
    if (major() < 15) return
    await asOwner(
      database(),
      `create table parent (a int, b int, primary key (a, b)); insert into parent values (1, 1), (1, 2);
       create table note (id int primary key, a int not null, b int,
         foreign key (a, b) references parent on delete set null (b));
       insert into note values (1, 1, 1), (2, 1, 2);`,
    )
    await removeFeature(database().db, feature)
    await database().query('delete from parent where b = 2')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ warnings: [] })
    expect(await database().query('select * from note order by id')).toEqual([
      { id: 1, a: 1, b: 1 },
      { id: 2, a: 1, b: null },
    ])
  })

  test('set default: the row gets the default, or is set aside where that is gone too', async () => {
    await asOwner(
      database(),
      `${parent} create table note (id int primary key, parent int default 3 references parent on delete set default);
       insert into note values (1, 1), (2, 2);`,
    )
    await removeFeature(database().db, feature)
    await database().query('delete from parent where id = 2')
    await restoreFeature(database().db, feature)
    expect(await database().query('select * from note order by id')).toEqual([
      { id: 1, parent: 1 },
      { id: 2, parent: 3 },
    ])
    expect(await setAsideRows(database())).toMatchObject([{ id: 2, parent: 2 }])
  })

  test('set default whose default is gone too: the row is set aside', async () => {
    await asOwner(
      database(),
      `${parent} create table note (id int primary key, parent int default 3 references parent on delete set default);
       insert into note values (1, 1), (2, 2);`,
    )
    const report = await removeAndLose(2, 3)
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select * from note order by id')).toEqual([{ id: 1, parent: 1 }])
    expect(await setAsideRows(database())).toMatchObject([{ id: 2, parent: 2 }])
  })

  test('set null on a column that is not null: the row is set aside', async () => {
    await asOwner(
      database(),
      `${parent} create table note (id int primary key, parent int not null references parent on delete set null);
       insert into note values (1, 1), (2, 2);`,
    )
    const report = await removeAndLose(2)
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select * from note order by id')).toEqual([{ id: 1, parent: 1 }])
    expect(await setAsideRows(database())).toMatchObject([{ id: 2, parent: 2 }])
  })

  test('children of rows set aside follow, and triggers and rules do not stand in the way', async () => {
    await asOwner(
      database(),
      `${parent}
       create function refuse() returns trigger language plpgsql as $$begin raise 'append only'; end$$;
       create table note (id int primary key, parent int references parent on delete cascade,
         before_me int references note on delete set null);
       create table reply (id int primary key, note int references note on delete cascade);
       create trigger no_delete before delete or update on note for each row execute function refuse();
       create trigger no_delete before delete on reply for each row execute function refuse();
       create rule keep as on delete to reply do instead nothing;
       alter table note enable always trigger no_delete;
       insert into note values (1, 1, null), (2, 2, 1), (3, 3, 2); insert into reply values (1, 1), (2, 2), (3, 3);`,
    )
    const both = { name: 'notes', tables: ['note', 'reply'] }
    await removeFeature(database().db, both)
    await database().query('delete from parent where id = 2')
    const report = await restoreFeature(database().db, both)
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select * from note order by id')).toEqual([
      { id: 1, parent: 1, before_me: null },
      { id: 3, parent: 3, before_me: null },
    ])
    expect(await database().query('select * from reply order by id')).toEqual([
      { id: 1, note: 1 },
      { id: 3, note: 3 },
    ])
    expect(await setAsideRows(database())).toMatchObject([
      { id: 2, parent: 2, before_me: 1 },
      { id: 3, parent: 3, before_me: 2 },
      { id: 2, note: 2 },
    ])
    expect(
      await database().query(
        `select tgrelid::regclass::text, tgenabled from pg_trigger where not tgisinternal order by 1`,
      ),
    ).toEqual([
      { tgrelid: 'note', tgenabled: 'A' },
      { tgrelid: 'reply', tgenabled: 'O' },
    ])
    expect(await database().query(`select ev_enabled from pg_rewrite where rulename = 'keep'`)).toEqual([
      { ev_enabled: 'O' },
    ])
  })
})
