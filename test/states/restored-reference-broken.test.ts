import { describe, expect, test } from 'vitest'
import { checkHealth, removeFeature, restoreFeature, type FeatureDeclaration, type UnshipError } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const owner = (sql: string) => asOwner(database(), sql)

const SETUP = `create table partners (id int primary key, name text);
  insert into partners select n, 'p' || n from generate_series(1, 9) n;
  create table contacts (id int primary key, name text, partner_id int not null references partners);
  insert into contacts select n, 'n' || n, 1 + n % 9 from generate_series(1, 30) n;`
const feature: FeatureDeclaration = {
  name: 'pay',
  columns: { contacts: ['partner_id'] },
  fill: { contacts: { partner_id: '1' } },
}
const GO = 'delete from partners where id in (2, 3)'
const COME_BACK = `insert into partners values (2, 'p2'), (3, 'p3')`
const BROKEN =
  '8 rows of contacts would refer by partner_id to rows of partners that are not there (foreign key contacts_partner_id_fkey).'
const ORPHANS = [1, 2, 10, 11, 19, 20, 28, 29]

/** The rows that the query of a HINT finds. */
const foundBy = async ({ hint = '' }: UnshipError) => {
  const rows = await database().query<{ id: number }>(/^select .*;$/m.exec(hint)?.[0] ?? '')
  return rows.sort((a, b) => a.id - b.id)
}
const restored = async () =>
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })

describe('rows whose restored reference may not be left empty, and whose parent went meanwhile', () => {
  test.each([
    ['is there again', COME_BACK, 30],
    ['has no children any more', `delete from contacts where id in (${ORPHANS.join(', ')})`, 22],
  ])('are told before anything changes, with what can be done: the parent %s', async (_, mend, rows) => {
    await owner(SETUP)
    const before = await readState(database())
    await removeFeature(database().db, feature)
    await owner(GO)
    const error = await refusedUnchanged(database(), 'rows_in_the_way', () => restoreFeature(database().db, feature))
    expect(error.detail).toBe(BROKEN)
    expect(error.hint).toMatch(
      /^Insert the missing rows of partners, or delete those rows of contacts\. These are they:\nselect .*;\nNothing was restored\.$/,
    )
    expect((await foundBy(error)).map(({ id }) => id)).toEqual(ORPHANS)
    await owner(mend)
    await restored()
    expect(await database().query('select from contacts')).toHaveLength(rows)
    if (mend === COME_BACK) expect((await readState(database())).rows).toEqual(before.rows)
  })

  test('are told by verify', async () => {
    await owner(SETUP)
    await removeFeature(database().db, feature)
    await owner(GO)
    const found = (await checkHealth(database().db)).flatMap((c) => (c.result === 'problem' ? c.found : []))
    expect(found.join('\n')).toContain(BROKEN)
  })

  test.each([
    ['while the columns are filled', `'phase verify'`, 'Insert the missing rows of partners, or delete'],
    [
      'right before the reveal',
      `'revealed'`,
      'Insert the missing rows of partners, or change partner_id of those rows of contacts, or delete',
    ],
  ])('are told of where it goes %s, and the restore goes on', async (_, at, ways) => {
    await owner(SETUP)
    const before = await readState(database())
    await removeFeature(database().db, feature)
    const error = await refusal(
      'rows_in_the_way',
      actingBefore(
        database(),
        at,
        () => owner(GO),
        (db) => restoreFeature(db, feature),
      ),
    )
    expect(error.detail).toBe(BROKEN)
    expect(error.hint).toMatch(
      new RegExp(
        `^${ways} those rows of contacts\\. These are they:\nselect .*;\nThen run the same command again; it goes on where it was\\.$`,
      ),
    )
    expect(await foundBy(error)).toEqual(ORPHANS.map((id) => ({ id, partner_id: 1 + (id % 9) })))
    await owner(COME_BACK)
    await restored()
    expect((await readState(database())).rows).toEqual(before.rows)
  })

  test('are told of in a transaction, with a query for what it leaves', async () => {
    await owner(SETUP)
    await removeFeature(database().db, feature)
    const error = await refusal(
      'rows_in_the_way',
      actingBefore(
        database(),
        'add column "unship_hidden_',
        () => owner(GO),
        (db) => db.transaction().execute((trx) => restoreFeature(trx, feature)),
      ),
    )
    expect(error.detail).toBe(BROKEN)
    expect(error.hint).toMatch(/These are they:\nselect .*;\nAll is as it was before the call, .*$/)
    expect((await foundBy(error)).map(({ id }) => id)).toEqual(ORPHANS)
  })

  test('and rows that came, whose declared value has no parent', async () => {
    await owner(SETUP)
    await removeFeature(database().db, feature)
    await owner(`insert into partners values (10, 'p10'); insert into contacts values (31, 'n31'); delete from contacts where id % 9 = 0;
      delete from partners where id = 1`)
    const error = await refusal('rows_in_the_way', restoreFeature(database().db, feature))
    expect(error.detail).toBe(BROKEN.replace('8 rows', '1 row'))
    expect(await foundBy(error)).toEqual([{ id: 31, partner_id: 1 }])
    await owner(`insert into partners values (1, 'p1')`)
    await restored()
  })
})

describe('a reference by removed and kept columns', () => {
  const pairs = (more = '') => `
    create table plan (a int, code text, primary key (a, code)); insert into plan values (1, 'a');
    create table kept (id int primary key, code text, a int ${more}, constraint pair foreign key (a, code) references plan);
    insert into kept values (1, 'a', 1);`
  const of: FeatureDeclaration = { name: 'plans', columns: { kept: ['a'] }, constraints: { kept: ['pair'] } }

  test('to a table that goes, too: there is nothing to insert', async () => {
    await owner(pairs())
    const both = { ...of, tables: ['plan'] }
    await removeFeature(database().db, both)
    await owner(`update kept set code = 'b'`)
    const { hint } = await refusedUnchanged(database(), 'rows_in_the_way', () => restoreFeature(database().db, both))
    expect(hint).toMatch(/^Change code of those rows of kept, or delete those rows of kept\. These are they:\n/)
    await owner(`update kept set code = 'a'`)
    expect(await restoreFeature(database().db, both)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('is not in the way where it will be left empty by another foreign key', async () => {
    await owner(`create table areas (id int primary key); insert into areas values (1); ${pairs('references areas')}`)
    await removeFeature(database().db, of)
    await owner('delete from areas; delete from plan')
    const { outcome, setAside } = await restoreFeature(database().db, of)
    expect({ outcome, setAside }).toMatchObject({ outcome: 'restored', setAside: [{ table: 'kept', rows: 1 }] })
    expect(await database().query('select * from kept')).toEqual([{ id: 1, code: 'a', a: null }])
  })
})
