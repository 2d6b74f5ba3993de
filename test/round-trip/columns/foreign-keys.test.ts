import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

describe('foreign keys of removed columns', () => {
  const database = useDatabase()

  test('to kept tables and to the table itself, each action, NOT VALID, deferrable, MATCH FULL', async () => {
    await roundTrip(database(), {
      setup: `
        create schema other;
        create table other.parent (id int primary key, x int, y int, unique (x, y));
        insert into other.parent select g, g, g from generate_series(1, 10) g;
        create table t (id int primary key, a int references other.parent, b int default 1 references other.parent on delete cascade on update set null,
          c int references other.parent on delete set null deferrable, d int references other.parent on delete set default deferrable initially deferred,
          e int references other.parent on delete restrict on update cascade, self int references t on delete cascade, x int, y int,
          constraint xy_fk foreign key (x, y) references other.parent (x, y) match full);
        set constraints all immediate;
        alter table t add z int;
        insert into t select g, g, 1, g, g, g, 1, g, g, case g when 3 then 99 end from generate_series(1, 10) g;
        insert into t (id, a) values (11, null);
        set constraints all immediate;
        alter table t add constraint z_fk foreign key (z) references other.parent not valid;
        comment on constraint xy_fk on t is 'both';`,
      feature: { name: 'f', columns: { t: ['a', 'b', 'c', 'd', 'e', 'self', 'x', 'y', 'z'] } },
      away: async () => {
        expect(
          await database().query(
            `select conname from pg_constraint where contype = 'f' and connamespace <> 'unship'::regnamespace`,
          ),
        ).toEqual([])
      },
    })
  })

  test('to the tables of the feature, and from kept tables to removed columns', async () => {
    const client = await database().connect()
    await client.query(`
      create table a_child (id int primary key, code int);
      create table plan (id int primary key, name text);
      create table t (id int primary key, plan_id int references plan on delete set null, code int unique);
      alter table a_child add constraint code_fk foreign key (code) references t (code);
      insert into plan values (1, 'one'), (2, 'two');
      insert into t select g, 1 + g % 2, g from generate_series(1, 6) g;
      insert into a_child values (1, 1), (2, null);
      create index plan_idx on t (plan_id)`)
    const feature = { name: 'f', tables: ['plan'], columns: { t: ['plan_id', 'code'] } }
    const error = await refusal(database(), feature)
    expect(error.code).toBe('undeclared_dependents')
    expect(error.suggestion).toEqual({ constraints: { a_child: ['code_fk'] } })
    await roundTrip(database(), { setup: '', feature: { ...feature, ...error.suggestion } })
  })

  test('that span a removed and a kept column must be declared, and come back', async () => {
    const client = await database().connect()
    await client.query(`
      create table parent (x int, y int, primary key (x, y));
      create table t (id int primary key, x int, y int, constraint xy_fk foreign key (x, y) references parent on delete cascade);
      insert into parent values (1, 1), (2, 2);
      insert into t values (1, 1, 1), (2, 2, 2), (3, null, 7)`)
    const feature = { name: 'f', columns: { t: ['y'] } }
    const error = await refusal(database(), feature)
    expect(error.suggestion).toEqual({ constraints: { t: ['xy_fk'] } })
    await roundTrip(database(), { setup: '', feature: { ...feature, ...error.suggestion } })
  })

  test('a declared unique constraint over kept columns, with what refers to it', async () => {
    await roundTrip(database(), {
      setup: `
        create table a_child (id int primary key, code int);
        create table t (id int primary key, code int, n int, constraint code_key unique (code) deferrable);
        alter table t drop constraint code_key, add constraint code_key unique (code);
        alter table a_child add constraint code_fk foreign key (code) references t (code);
        insert into t values (1, 1, 1); insert into a_child values (1, 1);`,
      feature: { name: 'f', columns: { t: ['n'] }, constraints: { t: ['code_key'], a_child: ['code_fk'] } },
    })
  })
})
