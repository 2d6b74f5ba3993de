import { describe, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

const database = useDatabase()

/** A unique key of a table that stays, and how a feature declares that it goes. */
const keys: [string, string, object][] = [
  ['a constraint', 'alter table host add constraint host_code unique (code)', { constraints: { host: ['host_code'] } }],
  ['an index', 'create unique index host_code on host (code)', { indexes: ['host_code'] }],
  [
    'a constraint that includes a removed column',
    'alter table host add constraint host_code unique (code) include (note)',
    { constraints: { host: ['host_code'] } },
  ],
  [
    'an index that includes a removed column',
    'create unique index host_code on host (code) include (note)',
    { indexes: ['host_code'] },
  ],
  [
    'an index that includes a removed generated column',
    'create unique index host_code on host (code) include (twice)',
    { indexes: ['host_code'] },
  ],
]

describe('a moved table and a removed column refer to a unique key that comes back with them', () => {
  const setup = (key: string) =>
    asOwner(
      database(),
      `create table host (id int primary key, code int, note text, twice int generated always as (code * 2) stored); ${key};
       insert into host values (1, 3, 'n'), (2, null, null);
       create table item (id int primary key, host int references host (code) on delete cascade);
       insert into item values (1, 3), (2, null);
       create table other (id int primary key, host int references host (code));
       insert into other values (1, null), (2, 3)`,
    )

  test.each(keys)('%s', async (_, key, declared) => {
    await setup(key)
    await expectRoundTrip(database(), {
      name: 'items',
      tables: ['item'],
      columns: { host: ['note', 'twice'], other: ['host'] },
      acknowledge: { rewrites: { host: ['twice'] } },
      ...declared,
    })
  })

  test('an index of a removed generated column', async () => {
    await setup('alter table host add unique (code); create unique index on host (twice)')
    await asOwner(
      database(),
      'create table third (id int primary key, host int references host (twice)); insert into third values (1, 6), (2, null)',
    )
    await expectRoundTrip(database(), {
      name: 'items',
      tables: ['third'],
      columns: { host: ['twice'] },
      acknowledge: { rewrites: { host: ['twice'] } },
    })
  })

  test('the primary key, where another one stays', async () => {
    await asOwner(
      database(),
      `create table host (id int, code int not null unique, note text, primary key (id) include (note));
       create table item (id int primary key, host int references host);
       insert into host values (1, 3, 'n'); insert into item values (1, 1)`,
    )
    await expectRoundTrip(database(), {
      name: 'items',
      columns: { host: ['note'], item: ['host'] },
      constraints: { host: ['host_pkey'] },
    })
  })
})
