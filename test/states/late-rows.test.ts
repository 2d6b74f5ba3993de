import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type Feature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore, actingBeforeEach } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

const LOOKS_AT_FILLED_ROWS = 'select pg_catalog.count(*)::int as kept'
const REVEALS = `'revealed'`

describe('rows that are written while a restore fills their columns', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] } }
  const owner = (sql: string) => asOwner(database(), sql)

  async function removed(pay = 'pay text', of: Feature = feature, also = '') {
    await owner(`create table contacts (id int primary key, name text, ${pay});
      insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n;
      ${also}`)
    await removeFeature(database().db, of)
  }

  /** What the report tells, and what there is. */
  async function restoredWhile(before: string, sql: string) {
    const { warnings, hosts } = await actingBefore(
      database(),
      before,
      () => owner(sql),
      (db) => restoreFeature(db, feature),
    )
    const [found] = await database().query<{ restored: number; own: number }>(
      `select count(pay)::int as restored, count(*) filter (where pay = 'pay ' || id)::int as own from contacts`,
    )
    return { warnings, told: hosts[0]?.restored, ...found }
  }

  test.each([
    [
      'deleted and inserted again',
      `delete from contacts where id = 1; insert into contacts (id, name) values (1, 'n')`,
      50,
    ],
    [
      'truncated, and some inserted again',
      `truncate contacts; insert into contacts (id, name) values (1, 'n'), (2, 'n')`,
      2,
    ],
  ])('%s right before the reveal, hold what is told', async (_, sql, own) => {
    await removed()
    expect(await restoredWhile(REVEALS, sql)).toEqual({ warnings: [], told: own, restored: own, own })
  })

  const REKEYED = `update contacts set id = 100 where id = 1; insert into contacts (id, name) values (1, 'another')`

  test.each(['pay text', 'pay text unique'])(
    'do not have the values of a former key beside its new row: %s',
    async (pay) => {
      await removed(pay)
      expect(await restoredWhile('phase verify', REKEYED)).toEqual({ warnings: [], told: 50, restored: 50, own: 50 })
    },
  )

  test('swap values when they swap keys', async () => {
    await removed()
    const swap =
      'update contacts set id = -1 where id = 1; update contacts set id = 1 where id = 2; update contacts set id = 2 where id = -1'
    expect(await restoredWhile('phase verify', swap)).toEqual({ warnings: [], told: 50, restored: 50, own: 50 })
    expect(await database().query('select name, pay from contacts where id < 3 order by id')).toEqual([
      { name: 'n2', pay: 'pay 1' },
      { name: 'n1', pay: 'pay 2' },
    ])
  })

  test('do not keep it from its end, however often they are replaced', async () => {
    await removed()
    let n = 1
    const replaced = () =>
      owner(`delete from contacts where id = ${String(n)}; insert into contacts (id) values (${String(n++)})`)
    const report = await actingBeforeEach(database(), LOOKS_AT_FILLED_ROWS, replaced, (db) =>
      restoreFeature(db, feature),
    )
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query(`select count(*)::int as own from contacts where pay = 'pay ' || id`)).toEqual([
      { own: 50 },
    ])
  })

  test('leave the value of a key that nobody has any more to the archive', async () => {
    await removed()
    expect(await restoredWhile(REVEALS, 'update contacts set id = 100 where id = 1')).toMatchObject({
      restored: 49,
      own: 49,
    })
  })

  test('move between partitions, with the values of their keys', async () => {
    await owner(`create table contacts (id int primary key, name text, pay text) partition by range (id);
      create table low partition of contacts for values from (1) to (100);
      create table high partition of contacts for values from (100) to (1000);
      insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n`)
    await removeFeature(database().db, feature)
    expect(await restoredWhile(REVEALS, REKEYED)).toEqual({ warnings: [], told: 50, restored: 50, own: 50 })
  })

  test('have what is backed up, even NULL, and where nothing is what new rows have', async () => {
    const filled = { ...feature, columns: { contacts: ['pay', 'note'] }, fill: { contacts: { pay: `'new ' || name` } } }
    await removed(`pay text not null, note text default '-'`, filled, 'update contacts set note = null where id = 2')
    await actingBefore(
      database(),
      REVEALS,
      () =>
        owner(`update contacts set id = 100, name = 'renamed' where id = 1; delete from contacts where id = 2;
          insert into contacts (id, name) values (1, 'again'), (2, 'again'), (200, 'new')`),
      (db) => restoreFeature(db, filled),
    )
    expect(await database().query('select * from contacts where id in (1, 2, 100, 200) order by id')).toEqual([
      { id: 1, name: 'again', pay: 'pay 1', note: '-' },
      { id: 2, name: 'again', pay: 'pay 2', note: null },
      { id: 100, name: 'renamed', pay: 'new renamed', note: '-' },
      { id: 200, name: 'new', pay: 'new new', note: '-' },
    ])
  })

  test('can be written where somebody has dropped the backup', async () => {
    await removed()
    await actingBefore(
      database(),
      'phase verify',
      () => owner(`drop table backup_pay_contacts; insert into contacts (id, name) values (51, 'n51')`),
      (db) => restoreFeature(db, feature).catch(() => undefined),
    )
    expect(await database().query('select count(*)::int as rows from contacts')).toEqual([{ rows: 51 }])
  })
})
