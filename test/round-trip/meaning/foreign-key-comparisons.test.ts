import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip, major } from '../../support/round-trip.ts'

/** A column, what refers to it, and values of both that PostgreSQL takes for equal. */
type Pair = [parent: string, child: string, name: string, reference: string]

const pairs = (): Pair[] => [
  ['text collate "C"', 'text collate "POSIX"', "'t'", "'t'"],
  ['text collate "C"', 'text', "'t'", "'t'"],
  ['name', 'text collate "POSIX"', "'t'", "'t'"],
  ['char(3)', 'text', "'t'", "'t '"],
  ['real', 'numeric', '0.1', '0.1'],
  // newer ones know no keys of columns of which one takes more for equal
  ...(major() < 18
    ? ([
        ['text collate any_case', 'text collate "C"', "'T'", "'t'"],
        ['text', 'text collate any_case', "'t'", "'t'"],
      ] satisfies Pair[])
    : []),
]

describe('foreign keys compare by the collation of what they refer to, and as its type', () => {
  const database = useDatabase()
  const setUp = async () => {
    const columns = pairs().map(([, child], n) => `, t${String(n)} ${child}`)
    const tags = pairs().map(
      ([parent, , name], n) => `
        create table tag${String(n)} (n int primary key, name ${parent} unique, unique (n, name));
        insert into tag${String(n)} values (1, ${name}), (2, null);
        alter table item add foreign key (t${String(n)}) references tag${String(n)} (name),
          add foreign key (n, t${String(n)}) references tag${String(n)} (n, name)`,
    )
    const references = pairs().map(([, , , reference]) => reference)
    await asOwner(
      database(),
      `create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
       create table item (id int primary key, n int not null default 1 ${columns.join('')}); ${tags.join(';')};
       insert into item values (1, 1, ${references.join(', ')}), (2, 2, ${references.map(() => 'null').join(', ')})`,
    )
  }
  const item = { name: 'items', tables: ['item'] }
  const names = () => pairs().map((_, n) => `t${String(n)}`)
  const keys = () => pairs().map((_, n) => `item_n_t${String(n)}_fkey`)

  test('of a moved table', async () => {
    await setUp()
    await expectRoundTrip(database(), item)
  })

  test('of removed columns, and those that stay', async () => {
    await setUp()
    await expectRoundTrip(database(), {
      name: 'tags',
      columns: { item: names() },
      constraints: { item: keys() },
    })
  })

  test('to removed columns', async () => {
    await setUp()
    const ofTags = (of: (n: string) => string) =>
      Object.fromEntries(pairs().map((_, n) => [`tag${String(n)}`, [of(String(n))]]))
    await expectRoundTrip(database(), {
      name: 'tags',
      columns: { item: names(), ...ofTags(() => 'name') },
      constraints: { item: keys(), ...ofTags((n) => `tag${n}_n_name_key`) },
    })
  })

  test('in the transaction of the caller', async () => {
    await setUp()
    await database()
      .db.transaction()
      .execute((db) => removeFeature(db, item))
    const report = await database()
      .db.transaction()
      .execute((db) => restoreFeature(db, item))
    expect(report).toMatchObject({ outcome: 'restored', setAside: [] })
  })

  test('of rows whose parent is gone', async () => {
    await setUp()
    await removeFeature(database().db, item)
    await asOwner(database(), 'delete from tag0 where n = 1')
    expect(await restoreFeature(database().db, item)).toMatchObject({ outcome: 'restored', setAside: [{ rows: 1 }] })
    expect(await database().query('select id from item')).toEqual([{ id: 2 }])
  })
})
