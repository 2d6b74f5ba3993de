import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRefusal, expectRoundTrip } from '../../support/round-trip.ts'

describe('triggers of host tables that belong to the feature', () => {
  const database = useDatabase()

  test('are declared, or refused with a suggestion', async () => {
    await asOwner(
      database(),
      `create table host (id uuid primary key, name text, level int, grade text, updated_at timestamptz default now());
       create function keep_time() returns trigger language plpgsql as 'begin new.updated_at := now(); return new; end';
       create function kept_level() returns trigger language plpgsql as 'begin if new.level > 3 then raise $$no$$; end if; return new; end';
       create function feature_only() returns trigger language plpgsql as 'begin return new; end';
       create function by_argument() returns trigger language plpgsql as 'begin return new; end';
       create trigger t_kept before update on host for each row execute function keep_time();
       create trigger t_of before update of level, name on host for each row execute function keep_time();
       create trigger t_when after update on host for each row when (new.grade is distinct from old.grade) execute function keep_time();
       create trigger t_function before insert on host for each row execute function feature_only();
       create trigger t_text before insert or update on host for each row execute function kept_level();
       create trigger t_argument after delete on host for each row execute function by_argument('grade');
       create constraint trigger t_later after update of grade on host deferrable for each row execute function feature_only();
       alter table host disable trigger t_of; alter table host enable always trigger t_text;
       alter table host enable replica trigger t_argument;
       comment on trigger t_when on host is 'when';
       insert into host values (gen_random_uuid(), 'a', 1, 'x');`,
    )
    const feature = { name: 'levels', columns: { host: ['level', 'grade'] }, functions: ['feature_only'] }
    const refusal = await expectRefusal(database(), feature)
    expect(refusal.code).toBe('undeclared_dependents')
    expect(refusal.suggestion?.triggers?.host?.toSorted()).toEqual([
      ...['t_argument', 't_function', 't_later', 't_of', 't_text', 't_when'],
    ])
    await expectRoundTrip(
      database(),
      { ...feature, ...refusal.suggestion },
      {
        removed: async () => {
          expect(
            await database().query(
              `select tgname from pg_trigger where tgrelid = 'host'::regclass and not tgisinternal`,
            ),
          ).toEqual([{ tgname: 't_kept' }])
          await database().query(`update host set name = name where false`)
        },
      },
    )
  })

  test('a trigger whose function mentions a removed column stays if acknowledged', async () => {
    await asOwner(
      database(),
      `create table host (id uuid primary key, level int);
       create function careful() returns trigger language plpgsql
         as $$begin if to_jsonb(new) ? 'level' then return new; end if; return new; end$$;
       create trigger careful before insert on host for each row execute function careful();`,
    )
    const feature = { name: 'levels', columns: { host: ['level'] } }
    const refusal = await expectRefusal(database(), feature)
    expect(refusal).toMatchObject({ code: 'kept_trigger', suggestion: { triggers: { host: ['careful'] } } })
    await expectRoundTrip(database(), { ...feature, acknowledge: { triggers: { host: ['careful'] } } })
  })

  test('triggers, rules and constraints of tables that are no hosts', async () => {
    await asOwner(
      database(),
      `create table kept (id int primary key, name text constraint named check (name <> '')); create table item (id int primary key);
       create function note() returns trigger language plpgsql as 'begin insert into public.item values (1); return new; end';
       create trigger noted after insert on kept for each row execute function note();
       create trigger other after insert on kept for each row execute function suppress_redundant_updates_trigger();
       create rule too as on delete to kept do also insert into item values (old.id);
       drop trigger other on kept;`,
    )
    const feature = { name: 'items', tables: ['item'], functions: ['note'] }
    const refusal = await expectRefusal(database(), feature)
    expect(refusal.suggestion).toEqual({ triggers: { kept: ['noted'] }, rules: { kept: ['too'] } })
    await expectRoundTrip(database(), { ...feature, ...refusal.suggestion, constraints: { kept: ['named'] } })
  })
})
