import { expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

const database = useDatabase()

const OTHERS = `create table item (id serial primary key, name text); create table host (id int primary key, gone int);
  create table parted (id int) partition by range (id); create table part partition of parted default;
  create materialized view sums as select gone from host;`

// PostgreSQL lists them in the order in which they were granted, and drops no list of an owner's own
test.each([
  ['a table', 'grant select (id, xmin, ctid) on item to crm_app'],
  [
    'a table, with grants on all of it',
    'grant select on item to crm_app; grant select (xmin) on item to crm_app with grant option',
  ],
  ['a partition', 'grant select (tableoid) on part to crm_app; grant select (xmin) on parted to public'],
  ['the owner', 'grant select (xmin) on item to crm_owner; grant select (xmin) on item to public'],
  ['a materialized view', 'grant select (gone, ctid) on sums to crm_app'],
  ['a sequence', 'grant usage on item_id_seq to crm_app; grant select (last_value, ctid) on item_id_seq to crm_app'],
  ['a sequence and nothing else', 'grant select (last_value, xmin) on item_id_seq to crm_app'],
  ['a host table', 'grant select (xmin, gone) on host to crm_app'],
])('privileges on system columns come back: of %s', async (_, grant) => {
  await asOwner(database(), `${OTHERS} ${grant}`)
  const granted = () =>
    database().query(
      `select attrelid::regclass::text as table, attname, attacl::text from pg_attribute
       where attrelid in ('item'::regclass, 'host'::regclass, 'parted'::regclass, 'part'::regclass, 'item_id_seq'::regclass, 'sums'::regclass) and attacl is not null and not attisdropped order by 1, 2`,
    )
  const before = await granted()
  expect(
    before.map(({ attname }) => attname as string).filter((name) => /^(?:xmin|ctid|tableoid)$/.test(name)),
  ).not.toEqual([])
  await expectRoundTrip(database(), {
    name: 'items',
    tables: ['item', 'parted'],
    columns: { host: ['gone'] },
    views: ['sums'],
  })
  expect(await granted()).toEqual(before)
})
