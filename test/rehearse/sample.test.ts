import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { rehearse, type RehearsalOptions } from '../../src/rehearse/rehearse.ts'
import { useDatabase } from '../support/database.ts'
import { entry, SCHEMA } from './schema.ts'

const kind = defineFeature()({ name: 'kind', columns: { item: ['kind'] } })

describe('a rehearsal with rows of a database', () => {
  const database = useDatabase()
  const rehearsal = (options: Partial<RehearsalOptions> = {}) =>
    rehearse({
      ...{ schema: SCHEMA, major: 17, rows: { perTable: 10, from: database().url } },
      up: (db) => removeFeature(db, kind),
      down: (db) => restoreFeature(db, kind),
      ...options,
    })
  const setUp = (more: string) =>
    database().query(`create table parent (id uuid primary key, name varchar(5) not null);
      create table item (id bigint generated always as identity primary key, parent uuid not null references parent,
        kind text, price numeric(10, 2) default 1.00, tags text[]);
      insert into parent values ('00000000-0000-0000-0000-000000000001', 'one');
      insert into item (parent, kind) select id, 'a' from parent;
      ${more}`)

  test('passes over tables and columns that are not there, and tells of them', async () => {
    // the dump's place has the type of an extension that is nowhere
    await setUp(`create table place (id int, at point); insert into place values (1, '(1, 2)');
      create table empty (id int);
      alter table item drop column tags, add late text default 'x', add twice numeric generated always as (price * 2) stored`)
    const found = await rehearsal()
    expect(found).toMatchObject({ verdict: 'exact', error: null })
    expect(found.rows).toEqual({ 'public.parent': 1, 'public.item': 1 })
    expect(found.leftOut.filter(({ what }) => /^ROWS|place/.test(what))).toEqual([
      expect.objectContaining({ what: 'TABLE public.place' }),
      { what: 'ROWS public.item', reason: 'column "late" is not there', sql: '' },
      { what: 'ROWS public.item', reason: 'column "twice" is not there', sql: '' },
      { what: 'ROWS public.place', reason: 'the table is not there', sql: '' },
    ])
  })

  test('counts rows that are refused, as by a constraint that is not valid, and does not quote them', async () => {
    const constraint = `ALTER TABLE public.item ADD CONSTRAINT kind_check CHECK (kind IN ('a', 'b')) NOT VALID;`
    await setUp(`alter table item alter price type text;
      insert into item (parent, kind, price) select id, 'secret', 2 from parent, generate_series(1, 2);
      insert into item (parent, kind, price) select id, 'b', 'secret' from parent; ${constraint}`)
    const found = await rehearsal({
      schema: `${SCHEMA.replace("CHECK (kind IN ('a', 'b'))", '')}${entry('CHECK CONSTRAINT', 'item kind_check', constraint)}`,
    })
    expect(found).toMatchObject({ verdict: 'exact', rows: { 'public.item': 1 } })
    expect(found.leftOut.filter(({ what }) => what === 'ROWS public.item').map(({ reason }) => reason)).toEqual([
      '2 of 4 were refused: new row for relation "item" violates check constraint "kind_check"',
      '1 of 4 were refused: invalid input syntax for type numeric: "..."',
    ])
  })

  test('takes rows of tables without columns that can be written', async () => {
    await setUp('create table bare (); insert into bare default values; insert into bare default values')
    const taken: unknown[] = []
    const found = await rehearsal({
      schema: `${SCHEMA}${entry('TABLE', 'bare', 'CREATE TABLE public.bare ();')}`,
      async prepare(db) {
        taken.push(...(await sql`select count(*)::int as rows from bare`.execute(db)).rows)
      },
    })
    expect(found).toMatchObject({ verdict: 'exact', rows: { 'public.bare': 2 } })
    expect(taken).toEqual([{ rows: 2 }])
  })

  test('takes values as they are, however the database writes them', async () => {
    const { name } = database()
    await setUp(`create table day (d date, i interval, f float8, b bytea, m money);
      insert into day values ('2024-02-29', '1 year -2 days', 1.0 / 3, '\\x615c62', 1234.5)`)
    await database()
      .query(`alter database ${name} set datestyle = 'SQL, DMY'; alter database ${name} set intervalstyle = 'sql_standard';
        alter database ${name} set extra_float_digits = -5; alter database ${name} set bytea_output = 'escape'`)
    const taken: unknown[] = []
    const found = await rehearsal({
      schema: `${SCHEMA}${entry('TABLE', 'day', 'CREATE TABLE public.day (d date, i interval, f float8, b bytea, m money);')}`,
      async prepare(db) {
        taken.push(...(await sql`select row(d, i, f, b, m::numeric)::text as day from day`.execute(db)).rows)
      },
    })
    expect(found).toMatchObject({ verdict: 'exact', rows: { 'public.day': 1 } })
    expect(taken).toEqual([{ day: '(2024-02-29,"1 year -2 days",0.3333333333333333,"\\\\x615c62",1234.50)' }])
  })
})
