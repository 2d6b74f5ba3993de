import { describe, expect, test } from 'vitest'
import { planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { useRoles } from '../../support/role.ts'
import { asOwner, expectRoundTrip, major } from '../../support/round-trip.ts'

const HOST = `
  create table host (id int primary key, name text, gone text, "The Size" int);
  insert into host select g, 'n' || g, 'g' || g, g from generate_series(1, 20) g;`
const ITEM = `
  create table item (id int primary key, state varchar(9), tags text);
  insert into item values (1, 'open', 'a');`
const gone = { name: 'f', columns: { host: ['gone'] } }
const items = { name: 'f', tables: ['item'] }

describe.runIf(major() >= 15)('column lists and row filters come back, with pg_dump', () => {
  const database = useDatabase()

  test.each([
    ['a moved table with a column list', ITEM, items, 'item (state, id)'],
    ['a moved table with a row filter', ITEM, items, `item (id, state) where (id > 3 and id in (4, 5, 6))`],
    ['a host table', HOST, gone, 'host'],
    ['a host table with a column list', HOST, gone, 'host (id, "The Size")'],
    ['a host table with a column list of removed columns too', HOST, gone, 'host (gone, id)'],
    ['a host table with a row filter', HOST, gone, 'host where (id % 2 = 1)'],
    ['a host table with both', HOST, gone, 'host (id, gone) where (id > 3 or id = 1)'],
    ['both', `${HOST} ${ITEM}`, { ...gone, ...items }, 'host (id, gone), item (id)'],
    [
      'a generated column',
      `create table host (id int primary key, gone text, twice int generated always as (id * 2) stored);`,
      gone,
      'host',
    ],
    [
      'a host table of which only a generated column goes, beside another',
      `${ITEM} create table host (id int primary key, twice int generated always as (id * 2) stored);`,
      { name: 'f', columns: { host: ['twice'], item: ['tags'] }, acknowledge: { rewrites: { host: ['twice'] } } },
      'host',
    ],
  ])('%s', async (_, setup, feature, tables) => {
    await asOwner(database(), `${setup} create publication news for table ${tables}`)
    await expectRoundTrip(database(), feature)
  })

  test('a row filter over a text that is not printed as it is read', async () => {
    await asOwner(
      database(),
      `${ITEM} alter table item replica identity full;
       create publication news for table item where (tags in ('open', 'done') and tags <> 'it''s \\')`,
    )
    await expectRoundTrip(database(), items)
  })

  test('in several publications at once', async () => {
    await asOwner(
      database(),
      `${HOST} ${ITEM} create publication a for table host, item; create publication "B c" for table host (gone, id), item (id);
       create publication d for table host (id) where (id < 9); create publication e for table item where (id < 9)`,
    )
    await expectRoundTrip(database(), { ...gone, ...items })
  })

  test.runIf(major() >= 18)('generated columns go out as long as the others are hidden', async () => {
    await asOwner(
      database(),
      `create table host (id int primary key, gone text, twice int generated always as (id * 2) stored, thrice int generated always as (id * 3) virtual);
       create publication a for table host with (publish_generated_columns = stored); create publication b for table host;
       create publication c for table host (twice, gone, id)`,
    )
    await expectRoundTrip(database(), gone)
    await removeFeature(database().db, gone)
    await restoreUntilFilled()
    expect(await database().query(`select pubname, attnames::text from pg_publication_tables order by 1`)).toEqual([
      { pubname: 'a', attnames: '{id,twice}' },
      { pubname: 'b', attnames: '{id}' },
      { pubname: 'c', attnames: '{id,twice}' },
    ])
  })

  const restoreUntilFilled = async () => {
    const controller = new AbortController()
    const restore = restoreFeature(database().db, gone, {
      signal: controller.signal,
      onProgress: (event) => {
        if (event.type === 'phase done' && event.phase === 'fill') controller.abort()
      },
    })
    await expect(restore).rejects.toMatchObject({ code: 'cancelled' })
  }

  test('while the feature is away, the list names what is left; changes to it stay', async () => {
    const lists = `select pubname, attnames::text, rowfilter from pg_publication_tables order by 1`
    await asOwner(
      database(),
      `${HOST} create publication a for table host (id, gone); create publication b for table host (id, name, gone)`,
    )
    await removeFeature(database().db, gone)
    expect(await database().query(lists)).toEqual([
      { pubname: 'a', attnames: '{id}', rowfilter: null },
      { pubname: 'b', attnames: '{id,name}', rowfilter: null },
    ])
    await asOwner(database(), `alter publication b set table host (id) where (id > 1)`)
    const { warnings } = await restoreFeature(database().db, gone)
    expect(await database().query(lists)).toEqual([
      { pubname: 'a', attnames: '{id,gone}', rowfilter: null },
      { pubname: 'b', attnames: '{id}', rowfilter: '(id > 1)' },
    ])
    expect(warnings).toEqual([expect.stringMatching(/^restored with another definition.* membership public.host in b/)])
  })

  test('a publication that loses the table while columns are hidden stays without it', async () => {
    await asOwner(
      database(),
      `${HOST} create publication a for table host; create publication b for table host (id, gone)`,
    )
    await removeFeature(database().db, gone)
    await restoreUntilFilled()
    await asOwner(database(), `alter publication a drop table host; drop publication b`)
    expect((await restoreFeature(database().db, gone)).outcome).toBe('restored')
    expect(await database().query('select from pg_publication_rel')).toEqual([])
  })
})

describe.runIf(major() >= 15)('what is said of subscribers', () => {
  const database = useDatabase()

  test('they need the columns, and a default for one that is NOT NULL', async () => {
    await asOwner(
      database(),
      `create table host (id int primary key, gone int not null, kept text); create publication news for table host;
       create publication ids for table host (id)`,
    )
    const plan = await planRemoval(database().db, { ...gone, fill: { host: { gone: '0' } } })
    expect(plan.warnings.filter((w) => w.includes('publication'))).toEqual([
      'subscribers of publication news get rows of host without gone until the restore, and must have these columns by then; where gone is NOT NULL there, they need a default',
    ])
  })

  test('slots of other plugins see everything', async (context) => {
    const [setting] = await database().query<{ wal_level: string }>('show wal_level')
    if (setting?.wal_level !== 'logical') context.skip(`wal_level is ${String(setting?.wal_level)}`)
    await asOwner(database(), HOST)
    const slot = `${database().name}_other`
    await database().query(`select pg_create_logical_replication_slot($1, 'test_decoding')`, [slot])
    expect((await planRemoval(database().db, gone)).warnings).toContain(
      `replication slot ${slot} uses plugin test_decoding, which knows no publications: its reader is sent the backups, the ledger, and columns under hidden names`,
    )
  })
})

describe.runIf(major() >= 15)('a publication of a role that the session acts for', () => {
  const roles = useRoles('publisher')
  const database = useDatabase()

  test("is changed like one of its own, and stays that role's", async () => {
    const [publisher] = roles()
    await database().query(
      `grant create on database ${database().name} to ${publisher}; grant ${publisher} to crm_owner`,
    )
    await asOwner(database(), `${HOST} ${ITEM} create publication news for table host (gone, id), item`)
    await database().query(`alter publication news owner to ${publisher}`)
    await expectRoundTrip(database(), { ...gone, ...items })
    expect(await database().query('select pg_get_userbyid(pubowner) as owner from pg_publication')).toEqual([
      { owner: publisher },
    ])
  })
})
