import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner } from '../../support/round-trip.ts'
import { roundTrip } from './support.ts'

describe('values of removed columns', () => {
  const database = useDatabase()

  /** Column types, and values that are easily taken for one another. */
  const values: Record<string, readonly string[]> = {
    numeric: [
      `'NaN'`,
      '1.0',
      '1.00',
      '1',
      `'1e-50'`,
      ...[`'Infinity'`, `'-Infinity'`].map((v) => v),
      '0',
      '0.000',
      `repeat('9', 2000)::numeric`,
    ],
    'numeric(12,4)': ['1.5', '-99999999.9999'],
    float8: [`'-0'`, '0', `'NaN'`, `'Infinity'`, `'-Infinity'`, '1e-310', '0.1::float8 + 0.2::float8'],
    float4: [`'-0'`, '0', `'NaN'`, '1.1'],
    timestamp: [`'0044-03-15 12:00 BC'`, `'infinity'`, `'-infinity'`, `'2024-01-01 00:00:00.000001'`, `'294276-12-31'`],
    timestamptz: [`'0001-01-01 BC'`, `'infinity'`, `'2024-10-27 02:30+01'`],
    date: [`'4713-01-01 BC'`, `'infinity'`, `'5874897-12-31'`],
    timetz: [`'12:00+05:30'`, `'12:00-00'`, `'24:00:00+00'`],
    interval: [`'1 mon'`, `'30 days'`, `'720:00'`, `'-1 day +00:00:01'`],
    bytea: [`'\\x'`, `'\\x00'`, `'\\xdeadbeef'`, `convert_to('text', 'UTF8')`],
    text: [`''`, `' '`, `'null'`, `E'a\\nb\\t\\\\'`, `'🦆 ünï'`, `'e' || U&'\\0301'`, `'é'`, `repeat('long', 100000)`],
    'char(5)': [`''`, `'a'`, `'a    '`, `'abcde'`],
    'varchar(5)': [`'a '`, `'a'`],
    '"char"': [`'a'`, `''`],
    name: [`'n'`],
    bool: ['true', 'false'],
    'bit(4)': [`B'0101'`],
    varbit: [`B''`, `B'1'`, `B'10'`],
    json: [`'null'`, `'{"a":1, "a":2}'`, `'{"a":1,"a":2}'`, `' 1.0'`],
    jsonb: [`'null'`, `'1.0'`, `'1'`, `'{"b":1,"a":[]}'`, `'""'`],
    xml: [`'<a/>'`, `'text &amp; more'`],
    uuid: [`'00000000-0000-0000-0000-000000000000'`],
    inet: [`'10.0.0.1'`, `'10.0.0.1/24'`, `'::1'`],
    cidr: [`'10.0.0.0/8'`],
    macaddr8: [`'08:00:2b:01:02:03:04:05'`],
    money: ['12.34', `'-0.01'`],
    point: [`'(-0,0)'`, `'(0,0)'`, `'(NaN,1)'`],
    path: [`'[(0,0),(1,1)]'`, `'((0,0),(1,1))'`],
    polygon: [`'((0,0),(1,1),(1,0))'`],
    circle: [`'<(0,0),1>'`],
    line: [`'{1,-1,0}'`],
    tsvector: [`'a:1A b:2,3'`, `''`],
    tsquery: [`'a & !b'`],
    int4range: [`'empty'`, `'[1,)'`, `'(,)'`],
    numrange: [`'[1.0,2.00)'`, `'[1,2)'`],
    nummultirange: [`'{}'`, `'{[1,2),[5,)}'`],
    'int[]': [`'{}'`, `'{null}'`, `'[0:1]={1,2}'`, `'{{1,2},{3,4}}'`],
    'text[]': [`'{"",null,"null","a,b","\\\\"}'`],
    'numeric[]': [`'{1.0,1.00,NaN}'`],
    pair: [`row(1, null)`, `row(null, null)`, `row(1, '')`],
    'pair[]': [`array[row(1, 'a')::pair, null]`],
    oid: ['4294967295'],
    xid8: [`'18446744073709551615'`],
    pg_lsn: [`'FFFFFFFF/FFFFFFFF'`],
    regclass: [`'pg_class'`],
    int8: ['9223372036854775807', '-9223372036854775808'],
    int2: ['-32768'],
  }

  const columns = Object.entries(values).map(([type, of], n) => ({ name: `c${String(n)}`, type, of }))
  const most = Math.max(...columns.map((c) => c.of.length))

  test('of every type come back with the same image', async () => {
    const rows = Array.from(
      { length: most },
      (_, r) => `insert into t values (${[String(r), ...columns.map((c) => c.of[r] ?? 'null')].join(', ')});`,
    )
    await roundTrip(database(), {
      setup: `
        create type pair as (a int, b text);
        create table t (id int primary key, ${columns.map((c) => `${c.name} ${c.type}`).join(', ')});
        ${rows.join('\n')}
        insert into t (id) values (1000);`,
      feature: { name: 'f', columns: { t: columns.map((c) => c.name) } },
    })
    expect(await database().query(`select count(*)::int as rows from t`)).toEqual([{ rows: most + 1 }])
  })

  test('large values out of line, compressed and not, are the same', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, a text, b bytea, c jsonb, d text default 'd');
        alter table t alter a set storage external, alter b set storage main;
        insert into t select g, (select string_agg(md5(g::text || i::text), '') from generate_series(1, 2000) i),
          decode(repeat(md5(g::text), 5000), 'hex'), jsonb_build_object('k', repeat('x', 50000)), null from generate_series(1, 8) g;`,
      feature: { name: 'f', columns: { t: ['a', 'b', 'c', 'd'] } },
    })
  })

  test('what was stored uncompressed, or compressed before it no longer would be, is stored so again', async () => {
    const stored = () =>
      database().query(
        'select id, pg_column_size(a) as a, pg_column_size(b) as b, pg_column_size(c) as c, pg_column_compression(c) as how from t order by id',
      )
    const setup = `
      create table t (id int primary key, a text, b jsonb, c text);
      alter table t alter a set storage external, alter b set storage external;
      insert into t select g, repeat('a', 100000), jsonb_build_object('k', repeat('x', 50000)), repeat('c', 100000) from generate_series(1, 3) g;
      alter table t alter c set storage external;
      insert into t values (4, null, null, repeat('c', 100000));`
    await asOwner(database(), setup)
    const before = await stored()
    await roundTrip(database(), { setup: '', feature: { name: 'f', columns: { t: ['a', 'b', 'c'] } } })
    expect(await stored()).toEqual(before)
  })
})
