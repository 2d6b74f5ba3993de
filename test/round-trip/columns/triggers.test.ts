import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { roundTrip } from './support.ts'

describe('triggers of host tables', () => {
  const database = useDatabase()

  test('of every sort do not fire for the fill, fire for others meanwhile, and stay as they were', async () => {
    await roundTrip(database(), {
      setup: `
        create table fired (name text, op text, level text);
        create table t (id int primary key, kept int default 0, updated_at timestamptz not null default '2024-01-01', flag bool not null default false, note text, u uuid not null default gen_random_uuid());
        create function touch() returns trigger language plpgsql as $$ begin new.updated_at := clock_timestamp(); return new; end $$;
        create function log() returns trigger language plpgsql as $$
          begin insert into fired values (tg_name, tg_op, tg_level || ' ' || tg_argv[0]); return null; end $$;
        create trigger a_touch before update on t for each row execute function touch();
        create trigger b_touch_when before insert or update on t for each row when (new.kept > 5) execute function touch();
        create trigger "c Always WHEN (" after insert or update or delete on t for each row execute function log('it''s WHEN (x) EXECUTE');
        create constraint trigger d_constraint after update on t deferrable initially deferred for each row execute function log('d');
        create constraint trigger e_constraint after insert or update on t from fired not deferrable for each row when (new.kept >= 0) execute function log('e');
        create trigger f_statement after update on t for each statement execute function log('f');
        create trigger g_statement before update or truncate on t for each statement when (1 = 1) execute function log('g');
        create trigger h_transition after update on t referencing old table as o new table as "N" for each statement execute function log('h');
        create trigger i_column after update of kept on t for each row execute function log('i');
        create trigger j_disabled before update on t for each row execute function touch();
        create trigger k_replica after update on t for each row execute function log('k');
        create trigger l_always before update on t for each row when (old.* is distinct from new.*) execute function touch();
        alter table t enable always trigger "c Always WHEN (", enable always trigger d_constraint, disable trigger j_disabled, enable replica trigger k_replica,
          enable always trigger l_always;
        comment on trigger a_touch on t is 'keeps the time';
        comment on trigger d_constraint on t is 'checks';
        insert into t (id, flag, note) select g, g % 3 = 0, 'n' || g from generate_series(1, 30) g;
        truncate fired;`,
      feature: { name: 'f', columns: { t: ['flag', 'note', 'u'] } },
    })
    expect(await database().query(`select * from fired`)).toEqual([])
    expect(await database().query(`select distinct updated_at = '2024-01-01' as kept from t`)).toEqual([{ kept: true }])
    await database().query(`update t set kept = 7 where id = 1`)
    expect(await database().query(`select name from fired order by 1`)).toEqual(
      ['c Always WHEN (', 'd_constraint', 'e_constraint', 'f_statement', 'g_statement', 'h_transition', 'i_column'].map(
        (name) => ({ name }),
      ),
    )
  })

  test('that belong to the feature go and come back with it', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, kept int, flag bool default false);
        create function f_log() returns trigger language plpgsql as $$ begin return new; end $$;
        create trigger on_flag before update of flag on t for each row execute function f_log();
        create constraint trigger on_when after update on t deferrable for each row when (old.flag <> new.flag) execute function f_log('x');
        alter table t enable always trigger on_when, disable trigger on_flag;
        create constraint trigger on_first_name after update on t for each row when (old.flag <> new.flag) execute function f_log('y');
        alter trigger on_first_name on t rename to on_other_name;
        comment on trigger on_when on t is 'of the feature';
        comment on constraint on_when on t is 'its constraint';
        comment on constraint on_first_name on t is 'its constraint too';
        insert into t values (1, 1, true);`,
      feature: {
        name: 'f',
        columns: { t: ['flag'] },
        functions: ['f_log'],
        triggers: { t: ['on_flag', 'on_when', 'on_other_name'] },
      },
    })
    expect(
      await database().query(
        `select t.tgname, k.conname, obj_description(k.oid, 'pg_constraint') as comment
         from pg_trigger t join pg_constraint k on k.oid = t.tgconstraint where t.tgrelid = 't'::regclass order by 1`,
      ),
    ).toEqual([
      { tgname: 'on_other_name', conname: 'on_first_name', comment: 'its constraint too' },
      { tgname: 'on_when', conname: 'on_when', comment: 'its constraint' },
    ])
  })
})
