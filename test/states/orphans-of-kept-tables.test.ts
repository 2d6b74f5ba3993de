import { describe, expect, test } from 'vitest'
import { checkHealth, removeFeature, restoreFeature, type FeatureDeclaration, type UnshipError } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const owner = (sql: string) => asOwner(database(), sql)

/** The rows that the query of a HINT finds. */
const foundBy = ({ hint = '' }: UnshipError) => database().query(/^select .*;$/m.exec(hint)?.[0] ?? '')

const KEY = 'contacts_card_fkey'
const SETUP = `create table cards (id int primary key); insert into cards values (1), (2);
  create table contacts (id int primary key, card int constraint ${KEY} references cards);
  insert into contacts values (1, 1), (2, null)`
const cards: FeatureDeclaration = { name: 'f', tables: ['cards'], constraints: { contacts: [KEY] } }
const COMES = 'insert into contacts values (3, 2), (4, 999)'
const TOLD = `1 row of contacts would refer by card to rows of cards that are not there (foreign key ${KEY}).`

describe('rows of a table that stays, which came to refer to nothing while their foreign key was away', () => {
  test('are told before anything changes, with what can be done', async () => {
    await owner(SETUP)
    const before = await readState(database())
    await removeFeature(database().db, cards)
    await owner(COMES)
    const error = await refusedUnchanged(database(), 'rows_in_the_way', () => restoreFeature(database().db, cards))
    expect(error.detail).toBe(TOLD)
    expect(error.hint).toMatch(
      /^Change card of those rows of contacts, or delete those rows of contacts\. These are they:\nselect .*;\nNothing was restored\.$/,
    )
    expect(await foundBy(error)).toEqual([{ id: 4, card: 999 }])
    await owner('delete from contacts where id > 2')
    expect(await restoreFeature(database().db, cards)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  })

  test('are told by verify', async () => {
    await owner(SETUP)
    await removeFeature(database().db, cards)
    await owner(COMES)
    const found = (await checkHealth(database().db)).flatMap((c) => (c.result === 'problem' ? c.found : []))
    expect(found.join('\n')).toContain(TOLD)
  })

  test.each([
    ['while the restore is at work', `'phase verify'`, false],
    ['right before the reveal', `'revealed'`, true],
  ])('are told of where they come %s, which goes on', async (_, at, revealed) => {
    await owner(SETUP)
    await removeFeature(database().db, cards)
    const error = await refusal(
      'rows_in_the_way',
      actingBefore(
        database(),
        at,
        () => owner(COMES),
        (db) => restoreFeature(db, cards),
      ),
    )
    expect(error.detail).toBe(TOLD)
    expect(await database().query(`select to_regclass('cards') is not null as revealed`)).toEqual([{ revealed }])
    expect(await foundBy(error)).toEqual([{ id: 4, card: 999 }])
    await owner('delete from contacts where card = 999')
    expect(await restoreFeature(database().db, cards)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  const cases: [string, string, FeatureDeclaration, string, string][] = [
    [
      'of a partitioned table',
      `create table cards (id int primary key); insert into cards values (1);
       create table contacts (id int, card int constraint ${KEY} references cards) partition by range (id);
       create table contacts_1 partition of contacts for values from (0) to (100)`,
      cards,
      'insert into contacts values (2, 999)',
      TOLD,
    ],
    [
      'of a host table, by a column that stays',
      `${SETUP}; alter table contacts add note text; update contacts set note = 'n'`,
      { ...cards, columns: { contacts: ['note'] } },
      COMES,
      TOLD,
    ],
    [
      'to removed columns of another',
      `create table cards (id int primary key, code text unique); insert into cards values (1, 'a'), (2, 'b');
       create table contacts (id int primary key, card text constraint ${KEY} references cards (code))`,
      { name: 'f', columns: { cards: ['code'] }, constraints: { contacts: [KEY] } },
      `insert into contacts values (1, 'a'), (2, 'c')`,
      TOLD,
    ],
    [
      'by a key that goes alone',
      SETUP,
      { name: 'f', constraints: { contacts: [KEY] } },
      'delete from cards where id = 1',
      TOLD,
    ],
    [
      'in part, MATCH FULL',
      `create table cards (a int, b int, primary key (a, b));
       create table contacts (id int primary key, a int, b int, constraint ${KEY} foreign key (a, b) references cards match full)`,
      cards,
      'insert into contacts values (1, 1, null)',
      `1 row of contacts would have a part of (a, b) alone (foreign key ${KEY} is MATCH FULL).`,
    ],
  ]
  test.each(cases)('%s, are told before anything changes', async (_, setup, feature, meanwhile, told) => {
    await owner(setup)
    await removeFeature(database().db, feature)
    await owner(meanwhile)
    const { detail } = await refusedUnchanged(database(), 'rows_in_the_way', () =>
      restoreFeature(database().db, feature),
    )
    expect(detail).toBe(told)
    await owner('truncate contacts')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('that broke it before, as it was not validated, may be there', async () => {
    await owner(`${SETUP}; alter table contacts drop constraint ${KEY}; insert into contacts values (9, 9);
      alter table contacts add constraint ${KEY} foreign key (card) references cards not valid`)
    await removeFeature(database().db, cards)
    expect(await restoreFeature(database().db, cards)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('are found where what identifies them is called otherwise, and what refers has another type', async () => {
    await owner(SETUP)
    await removeFeature(database().db, cards)
    await owner(`alter table contacts rename id to number; alter table contacts alter card type bigint; ${COMES}`)
    const error = await refusal('rows_in_the_way', restoreFeature(database().db, cards))
    expect(await foundBy(error)).toEqual([{ number: 4, card: '999' }])
  })
})
