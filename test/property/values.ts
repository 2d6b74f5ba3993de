/** A type that a column can have, with values that are easily got wrong. */
export interface ValueType {
  readonly sql: string
  /** SQL literals without their cast; the first is what a failure shrinks to. */
  readonly literals: readonly string[]
  /** Has equality and an order. */
  readonly ordered: boolean
  /** GIN has an operator class for it. */
  readonly gin?: boolean
  /** A default that differs from row to row. */
  readonly volatile?: string
  /** Made with this statement, under the name that is put in. */
  readonly create?: (name: string) => string
}

const text = ["''", "'a'", "'b'", "'ünïcödé ✓ 漢字'", "'it''s \"quoted\", \\ and $1'", "e'tab\\tnew\\nline'", "'null'"]

export const INTEGER: ValueType = {
  sql: 'integer',
  literals: ['0', '1', '-7', '2147483647'],
  ordered: true,
  volatile: '(random() * 1000)::integer',
}

/** What PostgreSQL brings along. */
const BUILT_IN: readonly ValueType[] = [
  { sql: 'text', literals: text, ordered: true, volatile: 'md5(random()::text)' },
  INTEGER,
  { sql: 'boolean', literals: ['false', 'true'], ordered: true },
  { sql: 'numeric', literals: ['0', '1.0', '1.00', "'NaN'", '-1e-20', '1e30'], ordered: true },
  { sql: 'numeric(10,2)', literals: ['0', '1.5', '-99999999.99'], ordered: true },
  {
    sql: 'double precision',
    literals: ['0', "'-0'", "'NaN'", "'Infinity'", '0.1'],
    ordered: true,
    volatile: 'random()',
  },
  { sql: 'bigint', literals: ['0', '9223372036854775807', '-1'], ordered: true },
  { sql: 'smallint', literals: ['0', '-32768'], ordered: true },
  { sql: 'character varying(20)', literals: ["''", "'a'", "'b'", "'über'"], ordered: true },
  { sql: 'character(5)', literals: ["''", "'a'", "'b    '"], ordered: true },
  {
    sql: 'uuid',
    literals: ["'00000000-0000-0000-0000-000000000000'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    ordered: true,
    volatile: 'gen_random_uuid()',
  },
  { sql: 'date', literals: ["'2024-02-29'", "'infinity'", "'0044-03-15 BC'"], ordered: true },
  {
    sql: 'timestamp with time zone',
    literals: ["'2024-03-31 02:30:00+01'", "'-infinity'", "'1883-11-18 12:03:58-04:56:02'"],
    ordered: true,
    volatile: 'clock_timestamp()',
  },
  { sql: 'timestamp(3) without time zone', literals: ["'2024-01-01 00:00:00.1239'"], ordered: true },
  { sql: 'interval', literals: ["'1 day'", "'24 hours'", "'-1 mon 3 days'"], ordered: true },
  {
    sql: 'jsonb',
    literals: ["'null'", "'{}'", `'{"a": 1.0, "ü": [null, "x"]}'`, "'1'", "'1.0'"],
    ordered: true,
    gin: true,
  },
  { sql: 'json', literals: ["'null'", `'{"a": 1,   "a": 2}'`, "'[]'"], ordered: false },
  { sql: 'bytea', literals: ["''", "'\\x00ff'"], ordered: true },
  { sql: 'text[]', literals: ["'{}'", '\'{NULL,"",a}\'', "'[0:1]={x,y}'"], ordered: true, gin: true },
  { sql: 'integer[]', literals: ["'{}'", "'{{1,2},{3,NULL}}'"], ordered: true, gin: true },
  { sql: 'int4range', literals: ["'empty'", "'[1,5)'", "'(,)'"], ordered: true },
  { sql: 'inet', literals: ["'10.0.0.1/8'", "'::1'"], ordered: true },
  { sql: 'tsvector', literals: ["''", "'fat:2 cat:3'"], ordered: true, gin: true },
  { sql: 'point', literals: ["'(0,-0)'", "'(1.5,NaN)'"], ordered: false },
  { sql: 'bit(3)', literals: ["'101'"], ordered: true },
  { sql: 'money', literals: ["'1.10'"], ordered: true },
  { sql: 'xml', literals: ["'<a/>'", "'<a></a>'"], ordered: false },
]

const own = (
  literals: readonly string[],
  create: (name: string) => string,
  more: Partial<ValueType> = {},
): ValueType => ({ sql: '', literals, ordered: true, create, ...more })

/** Types that the schema itself has. */
const OWN: readonly ValueType[] = [
  own(["'ok'", "'it''s'", "'SAD'"], (name) => `create type ${name} as enum ('SAD', 'ok', 'it''s')`),
  own(["''", "'x'"], (name) => `create domain ${name} as text`),
  own(["'d'", "'e'"], (name) => `create domain ${name} as varchar(10) default 'd'`),
  own(['1', '2'], (name) => `create domain ${name} as integer check (value > 0)`),
  own([`'(1,"a b")'`, "'(,)'"], (name) => `create type ${name} as (x integer, "Y y" text)`),
  own([`'{ok,NULL}'`, `'{}'`], (name) => `create type ${name} as enum ('ok', 'bad')`, { sql: '[]' }),
]

export const TYPES: readonly ValueType[] = [...BUILT_IN, ...OWN]

export const isText = (type: ValueType) => /^(text|character varying.*)$/.test(type.sql)
