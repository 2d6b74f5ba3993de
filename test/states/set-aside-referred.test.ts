import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type RestoreReport } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner, major } from '../support/round-trip.ts'

type How =
  | 'before the restore'
  | 'before the restore, published'
  | 'right before the reveal'
  | 'before the restore, in a transaction, published'

/** Of a published table rows are set aside after the reveal, and where their parent goes at the last moment: others refer to them by then. */
describe('rows set aside that others refer to', () => {
  const database = useDatabase()

  const make = (tables: string) =>
    asOwner(
      database(),
      `create table parents (id int primary key); insert into parents select generate_series(1, 5); ${tables}`,
    )

  const publish = (tables: readonly string[]) =>
    database().query(`create publication p for table ${tables.join(', ')}; alter publication p owner to crm_owner`)

  const withoutParent = () => database().query('delete from parents where id = 3')

  const keys = () =>
    database().query(
      `select conrelid::regclass::text as child, confrelid::regclass::text as parent, conname, convalidated or conparentid <> 0 as valid, replace(pg_get_constraintdef(oid), case when conparentid <> 0 then ' NOT VALID' else '' end, '') as definition,
         obj_description(oid, 'pg_constraint') as comment from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace order by 1, 2, 3`,
    )

  async function restoring(tables: readonly string[], how: How): Promise<RestoreReport> {
    const feature = { name: 'f', tables: [...tables] }
    if (how.endsWith('published')) await publish(tables)
    await removeFeature(database().db, feature)
    if (how === 'right before the reveal')
      return await actingBefore(database(), `'revealed'`, withoutParent, (db) => restoreFeature(db, feature))
    await withoutParent()
    if (!how.includes('in a transaction')) return await restoreFeature(database().db, feature)
    return await database()
      .db.transaction()
      .execute((transaction) => restoreFeature(transaction, feature))
  }

  const rowsOf = async (table: string) =>
    (
      await database().query<{ row: string }>(
        `select (select string_agg(coalesce(v.value, '-'), ' ' order by v.n) from json_each_text(to_json(t)) with ordinality v(key, value, n) where v.key not like 'unship_reason%') as row from ${table} t order by 1`,
      )
    ).map(({ row }) => row)

  /** Rows that came back, and images of rows that did not, or did otherwise. */
  async function whatBecame(tables: readonly string[], { setAside }: RestoreReport) {
    const there: Record<string, string[]> = {}
    const aside: Record<string, string[]> = {}
    for (const table of tables) {
      there[table] = await rowsOf(table)
      const kept = setAside.find((s) => s.table === table)?.kept
      if (kept !== undefined) aside[table] = await rowsOf(kept)
    }
    return { there, aside }
  }

  const LOG = `create table log (id int primary key, parent int references parents on delete cascade);
    insert into log select n, n from generate_series(2, 4) n`
  const CHAIN = (action: string) => `${LOG};
    create table details (id int primary key, log int references log on delete ${action});
    create table notes (id int primary key, detail int references details on delete ${action});
    comment on constraint details_log_fkey on details is 'of the log';
    insert into details select n, n from generate_series(2, 4) n; insert into notes select n, n from generate_series(2, 4) n`
  const TREE = (action: string) => `
    create table node (id int primary key, parent int references parents, up int references node on delete ${action});
    insert into node values (1, 1, 1), (2, 3, 1), (3, 1, 2), (4, 1, 3), (5, 1, 1)`
  const CHAIN_GONE = {
    there: { log: ['2 2', '4 4'], details: ['2 2', '4 4'], notes: ['2 2', '4 4'] },
    aside: { log: ['3 3'], details: ['3 3'], notes: ['3 3'] },
  }
  const TREE_GONE = { there: { node: ['1 1 1', '5 1 1'] }, aside: { node: ['2 3 1', '3 1 2', '4 1 3'] } }

  interface Case {
    readonly tables: string
    readonly of: readonly string[]
    readonly expected: unknown
    /** Of a tree of partitions no publication is taken. */
    readonly partitioned?: boolean
    readonly since?: number
  }

  const cases: Record<string, Case> = {
    'a chain of three, cascade': { tables: CHAIN('cascade'), of: ['log', 'details', 'notes'], expected: CHAIN_GONE },
    'a chain of three, no action': {
      tables: CHAIN('no action'),
      of: ['log', 'details', 'notes'],
      expected: CHAIN_GONE,
    },
    'a chain of three, restrict': { tables: CHAIN('restrict'), of: ['log', 'details', 'notes'], expected: CHAIN_GONE },
    'a chain of three, set null': {
      tables: CHAIN('set null'),
      of: ['log', 'details', 'notes'],
      expected: {
        there: { log: ['2 2', '4 4'], details: ['2 2', '3 -', '4 4'], notes: ['2 2', '3 3', '4 4'] },
        aside: { log: ['3 3'], details: ['3 3'] },
      },
    },
    'a tree, cascade': { tables: TREE('cascade'), of: ['node'], expected: TREE_GONE },
    'a tree, restrict': { tables: TREE('restrict'), of: ['node'], expected: TREE_GONE },
    'a tree, set null': {
      tables: TREE('set null'),
      of: ['node'],
      expected: { there: { node: ['1 1 1', '3 1 -', '4 1 3', '5 1 1'] }, aside: { node: ['2 3 1', '3 1 2'] } },
    },
    'a circle of two tables': {
      tables: `${LOG}; alter table log add detail int;
        create table details (id int primary key, log int references log);
        insert into details select n, n from generate_series(2, 4) n; update log set detail = id;
        alter table log add foreign key (detail) references details on delete cascade`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['2 2 2', '4 4 4'], details: ['2 2', '4 4'] },
        aside: { log: ['3 3 3'], details: ['3 3'] },
      },
    },
    'two keys to one table': {
      tables: `${LOG}; create table details (id int primary key, log int references log on delete set null, other int references log on delete cascade);
        insert into details values (1, 3, 2), (2, 2, 3), (3, 3, 3), (4, 4, 4)`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['2 2', '4 4'], details: ['1 - 2', '4 4 4'] },
        // the third row lost a reference, then its place
        aside: { log: ['3 3'], details: ['1 3 2', '2 2 3', '3 - 3', '3 3 3'] },
      },
    },
    'a key of two columns, MATCH FULL': {
      tables: `create table log (a int, b int, parent int references parents, primary key (a, b));
        insert into log values (1, 1, 3), (1, 2, 1), (2, 1, 1);
        create table details (id int primary key, a int, b int, foreign key (a, b) references log match full on delete set null);
        insert into details values (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, null, null)`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['1 2 1', '2 1 1'], details: ['1 - -', '2 1 2', '3 2 1', '4 - -'] },
        aside: { log: ['1 1 3'], details: ['1 1 1'] },
      },
    },
    'a key that sets one of its columns null': {
      tables: `create table log (a int, b int, parent int references parents, primary key (a, b));
        insert into log values (1, 1, 3), (1, 2, 1);
        create table details (id int primary key, a int not null, b int, foreign key (a, b) references log on delete set null (b));
        insert into details values (1, 1, 1), (2, 1, 2)`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['1 2 1'], details: ['1 1 -', '2 1 2'] },
        aside: { log: ['1 1 3'], details: ['1 1 1'] },
      },
      since: 15,
    },
    'a default without a parent': {
      tables: `${LOG}; create table details (id int primary key, log int default 3 references log on delete set default);
        insert into details select n, n from generate_series(2, 4) n`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['2 2', '4 4'], details: ['2 2', '4 4'] },
        aside: { log: ['3 3'], details: ['3 3'] },
      },
    },
    'a key to the reference that is lost': {
      tables: `create table log (id int primary key, parent int references parents on delete set null, unique (id, parent));
        insert into log select n, n from generate_series(2, 4) n;
        create table details (id int primary key, log int, parent int, foreign key (log, parent) references log (id, parent) on update cascade);
        insert into details select n, n, n from generate_series(2, 4) n`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['2 2', '3 -', '4 4'], details: ['2 2 2', '4 4 4'] },
        aside: { log: ['3 3'], details: ['3 3 3'] },
      },
    },
    'a key that holds for new rows only': {
      tables: `${LOG}; create table details (id int primary key, log int);
        insert into details select n, n from generate_series(2, 4) n;
        alter table details add foreign key (log) references log on delete cascade not valid`,
      of: ['log', 'details'],
      expected: { there: { log: ['2 2', '4 4'], details: ['2 2', '3 3', '4 4'] }, aside: { log: ['3 3'] } },
    },
    'partitions, by partitions': {
      tables: `create table log (id int primary key, parent int references parents) partition by range (id);
        create table log_1 partition of log for values from (0) to (4); create table log_2 partition of log default;
        create table details (id int primary key, log int references log on delete cascade) partition by range (id);
        create table details_1 partition of details for values from (0) to (3); create table details_2 partition of details default;
        insert into log select n, n from generate_series(2, 4) n; insert into details select n, n from generate_series(2, 4) n`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['2 2', '4 4'], details: ['2 2', '4 4'] },
        aside: { log: ['3 3'], details: ['3 3'] },
      },
      partitioned: true,
    },
    'partitions, by an ordinary table': {
      tables: `create table log (id int primary key, parent int references parents) partition by range (id);
        create table log_1 partition of log for values from (0) to (4); create table log_2 partition of log default;
        create table details (id int primary key, log int references log on delete restrict);
        insert into log select n, n from generate_series(2, 4) n; insert into details select n, n from generate_series(2, 4) n`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['2 2', '4 4'], details: ['2 2', '4 4'] },
        aside: { log: ['3 3'], details: ['3 3'] },
      },
      partitioned: true,
    },
    'by a table whose owner policies bind': {
      tables: `${LOG}; create table details (id int primary key, log int references log on delete cascade);
        insert into details select n, n from generate_series(2, 4) n; create policy nothing on details using (false);
        alter table details enable row level security, force row level security`,
      of: ['log', 'details'],
      expected: {
        there: { log: ['2 2', '4 4'], details: ['2 2', '4 4'] },
        aside: { log: ['3 3'], details: ['3 3'] },
      },
    },
  }

  const ways: readonly How[] = [
    'before the restore',
    'before the restore, published',
    'right before the reveal',
    'before the restore, in a transaction, published',
  ]
  const all = Object.entries(cases).flatMap(([name, one]) =>
    ways
      .filter((how) => !one.partitioned || !how.endsWith('published'))
      .map((how): [string, How, Case] => [name, how, one]),
  )

  test.each(all)('%s; the parent goes %s', async (_, how, { tables, of, expected, since = 0 }) => {
    if (major() < since) return
    await make(tables)
    const before = await keys()
    const report = await restoring(of, how)
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
    // as the superuser, whom no policy binds
    expect(await whatBecame(of, report)).toEqual(expected)
    expect(await keys()).toEqual(before)
  })

  test.each([
    ['cascade', ['log']],
    ['set null', ['log']],
    ['no action', ['log']],
    ['no action, set aside before the reveal', []],
  ])('by a table that stays, on delete %s', async (how, published) => {
    const [action = ''] = how.split(',')
    const feature = { name: 'f', tables: ['log'], constraints: { details: ['details_log_fkey'] } }
    await make(`${LOG}; create table details (id int primary key, log int references log on delete ${action});
      insert into details select n, n from generate_series(2, 4) n`)
    if (published.length > 0) await publish(published)
    await removeFeature(database().db, feature)
    await withoutParent()
    const refused = await refusal('rows_in_the_way', restoreFeature(database().db, feature))
    expect(refused.detail).toContain('details_log_fkey')
    expect(refused.detail).toMatch(/Rows of log were set aside, and are kept in set_aside_log_/)
    expect(await rowsOf('details')).toEqual(['2 2', '3 3', '4 4'])
    await database().query('update details set log = null where id = 3')
    const report = await restoreFeature(database().db, feature)
    expect(report).toMatchObject({ outcome: 'restored', warnings: [], setAside: [{ table: 'log', rows: 1 }] })
  })

  test.each(['cascade', 'set null'])('by a table that came after the reveal, on delete %s', async (action) => {
    const feature = { name: 'f', tables: ['log'] }
    await make(LOG)
    await publish(['log'])
    await removeFeature(database().db, feature)
    await withoutParent()
    const refused = await refusal(
      'rows_in_the_way',
      actingBefore(
        database(),
        'unship_reason',
        () =>
          asOwner(
            database(),
            `create table visits (log int references log on delete ${action}); insert into visits values (2), (3)`,
          ),
        (db) => restoreFeature(db, feature),
      ),
    )
    expect(refused.detail).toContain('foreign key visits_log_fkey of public.visits')
    expect(await rowsOf('visits')).toEqual(['2', '3'])
    await database().query('delete from visits where log = 3')
    expect((await restoreFeature(database().db, feature)).setAside).toMatchObject([{ table: 'log', rows: 1 }])
  })

  test('by many rows, bit by bit', async () => {
    await make(`${LOG}; create table details (id int primary key, log int references log on delete cascade);
      insert into details select n, 3 from generate_series(1, 2500) n`)
    const { setAside } = await restoring(['log', 'details'], 'before the restore, published')
    expect(setAside).toMatchObject([
      { table: 'log', rows: 1 },
      { table: 'details', rows: 2_500 },
    ])
  })
})
