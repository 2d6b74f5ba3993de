import { describe, expect, test } from 'vitest'
import { defineFeature, planRemoval } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'

describe('a plan warns', () => {
  const database = useDatabase()
  const warnings = async (setup: string, declaration: object = {}) => {
    await database().query(`
      set role crm_owner;
      create table t (id uuid primary key, a int, b int);
      ${setup}`)
    const feature = defineFeature()({ name: 'f', columns: { t: ['a'] }, ...declaration })
    return (await planRemoval(database().db, feature)).warnings
  }
  const routine = (name: string, body: string) =>
    `create function ${name}() returns void language plpgsql as $$ declare x int; begin ${body} end $$;`

  test('of nothing where there is nothing', async () => {
    expect(
      await warnings(
        routine('counts', 'x := (select count(b) from t);') +
          routine('inserts', 'insert into t (id, b) select null, 1;'),
      ),
    ).toEqual([])
  })

  test('of values that name what is created again', async () => {
    const setup = `
      create function one() returns int language plpgsql as 'begin return 1; end';
      create function two() returns int language plpgsql as 'begin return 1; end';
      create view v as select a from t; create view "V" as select id, a from t;
      create table s (id int primary key);
      create table jobs (id int primary key, "Handler" regprocedure, task regproc, of regclass, rows regtype, none regclass);
      insert into jobs values (1, 'one()', 'now', 'v', '"V"', 't'), (2, null, 'two', 's', 'int', 's');`
    const feature = { views: ['v', '"V"'], functions: ['one', 'two'], tables: ['s'] }
    const values = (column: string, what: string) =>
      `values of column jobs.${column} name ${what} by an identifier, which is another one after the restore: they name nothing then`
    expect(await warnings(setup, feature)).toEqual([
      values('Handler', 'function public.one()'),
      values('task', 'function public.two()'),
      values('of', 'view public.v'),
      values('rows', 'type public."V"'),
    ])
    await database().query(`delete from jobs`)
    const declared = defineFeature()({ name: 'f', columns: { t: ['a'] }, ...feature } as any)
    expect((await planRemoval(database().db, declared)).warnings).toEqual([])
    await database().query('reset role; revoke all on jobs from crm_owner')
    expect((await planRemoval(database().db, declared)).warnings).toHaveLength(5)
  })

  test('of functions that take or write whole rows of a host table', async () => {
    const found = await warnings(
      routine('reads', 'perform * from t; for x in select t.* from t loop end loop;') +
        routine('writes', 'insert into public.t values (null, 1, 2);') +
        routine('copies', 'insert into t select * from t;') +
        `create function holds() returns void language plpgsql as $$ declare r public.t%rowtype; begin end $$;` +
        routine('others', 'for x in select * from tt loop end loop;'),
    )
    expect([...found].sort()).toEqual(
      ['copies()', 'holds()', 'reads()', 'writes()'].map((name) =>
        expect.stringContaining(`${name} takes or writes whole rows of t, whose columns change`),
      ),
    )
  })

  test('of functions that list the columns of the rows that they return', async () => {
    const found = await warnings(
      `create function lists() returns setof t language plpgsql as $$ begin return query select t.id, 1, t.b from t; end $$;
       create function gives() returns setof t language plpgsql as $$ begin return query table t; end $$;
       create function all_of() returns setof t language sql as 'select t.* from t';`,
    )
    expect([...found].sort()).toEqual([
      expect.stringContaining('all_of() takes or writes whole rows of t'),
      expect.stringContaining('gives() returns rows of t, whose restored columns stand last'),
      expect.stringContaining('lists() returns rows of t, whose restored columns stand last'),
    ])
  })

  test('of functions that mention what goes', async () => {
    const found = await warnings(routine('sums', 'x := (select sum(a) from t);'))
    expect(found).toEqual([expect.stringMatching(/function .*sums\(\) mentions a in its text/)])
  })

  test('of policies that go, and of what is not seen without them', async () => {
    const policies = `
      alter table t enable row level security;
      create policy seen on t using (a > 0);
      create policy strict on t as restrictive using (a < 9);`
    const declared = { policies: { t: ['seen', 'strict'] } }
    expect(await warnings(policies, declared)).toEqual([
      'policy seen of t goes: it leaves no permissive policy there, and roles that policies bind see no rows meanwhile',
      'policy strict of t goes: rows that it kept back are seen meanwhile',
    ])
    await database().query('create policy other on t using (b > 0)')
    const again = await planRemoval(database().db, defineFeature()({ name: 'f', columns: { t: ['a'] }, ...declared }))
    expect(again.warnings[0]).toBe('policy seen of t goes: rows that it alone allowed are not seen meanwhile')
  })

  test('of audit triggers that keep whole rows', async () => {
    const found = await warnings(`
      create table log (entry jsonb);
      create function audit() returns trigger language plpgsql as
        $$ begin insert into log (entry) values (to_jsonb(new)); return new; end $$;
      create trigger t_audit after insert or update on t for each row execute function audit()`)
    expect(found).toEqual([expect.stringContaining('trigger t_audit of t keeps whole rows')])
  })
})
