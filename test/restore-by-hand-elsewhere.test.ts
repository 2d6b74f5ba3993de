import { archiveBackups, removeFeature, restoreFeature } from 'kysely-unship'
import { beforeEach, describe, expect, test } from 'vitest'
import { failAfter, killedAt, type Moment } from './states/broken.ts'
import { blocks, hasPsql, psql, script } from './support/by-hand.ts'
import { useDatabase } from './support/database.ts'
import { readState } from './support/life.ts'
import { asOwner, major } from './support/round-trip.ts'

const database = useDatabase()

beforeEach(({ skip }) => {
  if (!hasPsql()) skip('no psql is on PATH')
})

/** Follows the page to its end. */
function byHand(removal?: number): void {
  const { out, failed } = psql(database(), script(removal))
  expect(failed, out).toBe(false)
}

/** What it was before, but for what is left of the backups. */
async function stateNow() {
  const { definitions, rows } = await readState(database(), { dump: false })
  const others = <T>(of: Record<string, T>) =>
    Object.fromEntries(Object.entries(of).filter(([identity]) => !/\.by_hand_\d/.test(identity)))
  return { definitions: others(definitions), rows: others(rows), dump: undefined }
}

test.for([
  ['in another schema', 'crm', 'bookings', 'customers'],
  ['in a schema whose name is a word of SQL', 'order', 'table', 'user'],
  ['with names in quotes', 'public', 'Bookings', 'Customers'],
  ['with names of full length', 'public', 'b'.repeat(63), 'c'.repeat(63)],
] as const)('a feature %s comes back, again and again', async ([, schema, moved, host]) => {
  await asOwner(
    database(),
    `create schema if not exists "${schema}";
     create table "${schema}"."${host}" (id int primary key, points int);
     create table "${schema}"."${moved}" (id int primary key);
     insert into "${schema}"."${host}" values (1, 5)`,
  )
  const feature = { name: 'loyalty', schema, tables: [moved], columns: { [host]: ['points'] } }
  for (const run of [1, 2]) {
    expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'removed', runId: String(run) })
    byHand(run)
    expect(await database().query(`select * from "${schema}"."${host}"`)).toEqual([{ id: 1, points: 5 }])
    expect(await database().query(`select * from "${schema}"."${moved}"`)).toEqual([])
  }
  expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
  expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
})

test('tables of the same names that come first on the search path are left alone', async () => {
  await asOwner(
    database(),
    `create schema crm_owner;
     create table public.h (id int primary key, v text);
     insert into public.h values (1, 'a')`,
  )
  await removeFeature(database().db, { name: 'f', columns: { h: ['v'] } })
  const others = [`select * from crm_owner.h`, `select * from crm_owner.backup_f_h`]
  await asOwner(
    database(),
    `create table crm_owner.h (id int primary key); create table crm_owner.backup_f_h as select 7 as id, 'b' as v`,
  )
  byHand()
  expect(await database().query('select * from public.h')).toEqual([{ id: 1, v: 'a' }])
  expect(await Promise.all(others.map((sql) => database().query(sql)))).toEqual([[], [{ id: 7, v: 'b' }]])
  expect(await database().query(`select relname from pg_class where relname ~ '^by_hand_.*h$'`)).toHaveLength(1)
})

test('no trigger of a partition fires, and each is enabled as it was', async () => {
  await asOwner(
    database(),
    `create table h (id int, k int, touched int not null default 0, v text, primary key (id, k)) partition by range (k);
     create table h1 partition of h for values from (0) to (10);
     create table h2 partition of h default partition by range (k);
     create table h3 partition of h2 default;
     insert into h (id, k, v) values (1, 1, 'a'), (2, 20, 'b');
     create function touch() returns trigger language plpgsql as 'begin new.touched := new.touched + 1; return new; end';
     create trigger of_all before update on h for each row execute function touch();
     create trigger of_one before update on h3 for each row execute function touch();
     alter table h1 disable trigger of_all;
     alter table h3 enable always trigger of_all;
     alter table h3 enable replica trigger of_one`,
  )
  const enabled = () =>
    database().query(
      `select tgrelid::regclass::text as "table", tgname, tgenabled from pg_trigger where tgfoid = 'touch'::regproc order by 1, 2`,
    )
  const before = await enabled()
  await removeFeature(database().db, { name: 'f', columns: { h: ['v'] } })
  byHand()
  expect(await database().query('select id, v, touched from h order by id')).toEqual([
    { id: 1, v: 'a', touched: 0 },
    { id: 2, v: 'b', touched: 0 },
  ])
  expect(await enabled()).toEqual(before)
})

describe('what was archived', () => {
  const feature = { name: 'f', schema: 'crm', tables: ['t', 'Other'], columns: { h: ['v'] } }
  /** The definitions and rows from before the removal, and the archives' names. */
  const archived = async () => {
    await asOwner(
      database(),
      `create schema crm;
       create table crm.t (id int primary key);
       comment on table crm.t is 'what it''s for';
       create table crm."Other" (id int primary key);
       create table crm.h (id int primary key, v text);
       insert into crm.h values (1, 'a')`,
    )
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, feature)
    const { archived: tables } = await archiveBackups(database().db, feature, { keepUntil: '2999-12-31' })
    return { before, archives: tables.map(({ archive }) => archive) }
  }
  test('comes back with its own comments', async () => {
    const { before } = await archived()
    byHand()
    expect(await stateNow()).toEqual(before)
  })

  test('comes back with them where somebody has renamed it already', async () => {
    const { before, archives } = await archived()
    await asOwner(database(), `alter table ${archives.find((name) => name.includes('archive_t_'))} rename to backup_t`)
    byHand()
    expect(await stateNow()).toEqual(before)
  })

  test('is none any more for this package when the page was left after that', async () => {
    const { before } = await archived()
    const until = blocks.slice(0, blocks.findIndex(({ name }) => name === 'count') + 1).map(({ sql }) => sql)
    for (const _ of ['once', 'twice']) expect(psql(database(), until.join('\n'))).toMatchObject({ failed: false })
    expect(await database().query(`select event from unship.events where event ~ 'archive' order by id`)).toEqual([
      { event: 'archived' },
      { event: 'taken from the archive' },
    ])
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('leaves alone what has the name of a backup by now', async () => {
    await archived()
    await asOwner(database(), `create table crm.backup_t (id int); comment on table crm.backup_t is 'of others'`)
    const removed = await readState(database(), { dump: false })
    expect(psql(database(), script()).out).toContain('relation "backup_t" already exists')
    expect(await readState(database(), { dump: false })).toEqual(removed)
    expect(await database().query(`select obj_description('crm.backup_t'::regclass, 'pg_class') as comment`)).toEqual([
      { comment: 'of others' },
    ])
  })
})

describe('a run that broke off', () => {
  const feature = {
    name: 'f',
    tables: ['partners'],
    columns: { h: ['v', 'n', 'code', 'partner'] },
    views: ['with_partner', 'sums'],
  }
  const prepared = async () => {
    await asOwner(
      database(),
      `create table partners (id int primary key);
       insert into partners values (1);
       create table h (id int primary key, touched int not null default 0, v text not null default 'x',
         n int generated by default as identity, code uuid not null default gen_random_uuid(), partner int references partners);
       create index on h (v) where n > 0;
       create unique index on h (code);
       insert into h (id, v, partner) values (1, 'a', 1), (2, 'x', null);
       create function touch() returns trigger language plpgsql as 'begin new.touched := new.touched + 1; return new; end';
       create trigger touched before update on h for each row execute function touch();
       alter table h enable always trigger touched;
       create view with_partner as select id from h where partner is not null;
       create materialized view sums as select v, count(*) as rows from h group by v`,
    )
    // before 15 there are no column lists
    if (major() >= 15) {
      await database().query('create publication p for table h where (id > 0)')
      await database().query('alter publication p owner to crm_owner')
    }
    return await readState(database(), { dump: false })
  }
  const expectBack = async (before: unknown) => {
    expect(await stateNow()).toEqual(before)
    expect((await restoreFeature(database().db, feature)).outcome).toBe('absent')
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
  }

  test.for<Moment>([
    ['phase started', 'add'],
    ['phase done', 'add'],
    ['phase done', 'fill'],
    ['phase done', 'build'],
    ['phase done', 'verify'],
    ['phase done', 'reveal'],
    ['phase done', 'validate'],
  ])('a restore, at %s %s: the feature comes back all the same', async (moment) => {
    const before = await prepared()
    await removeFeature(database().db, feature)
    await expect(restoreFeature(database().db, feature, killedAt(database(), moment))).rejects.toThrow()
    byHand()
    await expectBack(before)
  })

  test('a removal, when the feature had gone and nothing was sealed: it comes back all the same', async () => {
    const before = await prepared()
    await expect(removeFeature(database().db, feature, failAfter('cut over'))).rejects.toThrow('of the caller')
    byHand()
    await expectBack(before)
  })

  test('that is under way after all is not interfered with', async () => {
    const before = await prepared()
    await removeFeature(database().db, feature)
    const tried: string[] = []
    await restoreFeature(database().db, feature, {
      onProgress: ({ type, ...event }) => {
        if (type === 'phase done' && 'phase' in event && event.phase === 'fill')
          tried.push(psql(database(), script()).out)
      },
    })
    expect(tried).toEqual([expect.stringContaining('canceling statement due to lock timeout')])
    expect(await stateNow()).toEqual(before)
  })
})

test('the last block does nothing by itself', async () => {
  await asOwner(database(), `create table h (id int primary key, v text); insert into h values (1, 'a')`)
  const feature = { name: 'f', columns: { h: ['v'] } }
  await removeFeature(database().db, feature)
  const only = blocks.filter(({ name }) => ['settings', 'record'].includes(name)).map(({ sql }) => sql)
  // as where it is typed in, and goes on after an error
  const { out, failed } = psql(database(), only.join('\n').replace('ON_ERROR_STOP on', 'ON_ERROR_STOP off'))
  expect(failed, out).toBe(false)
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  expect(await database().query(`select from unship.events where event = 'restored by hand'`)).toEqual([])
})
