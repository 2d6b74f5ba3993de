import { Kysely, PostgresDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { createPool, urlWith } from '../../support/connect.ts'
import { useDatabase } from '../../support/database.ts'
import { actingBefore } from '../../support/interleave.ts'
import { useRoles } from '../../support/role.ts'
import { asOwner } from '../../support/round-trip.ts'

const feature = defineFeature()({ name: 'extras', columns: { members: ['note'] } })
const FILL = 'with filled as'

/** Notes of which `touched` and `heard` tell. */
const SETUP = `
  create table members (id int primary key, amount int not null default 1, note text);
  create table fired (name text, id int);
  create function log() returns trigger language plpgsql as $$ begin insert into fired values (tg_name, new.id); return null; end $$;
  create trigger touched after update on members for each row execute function log();
  create constraint trigger heard after update on members deferrable initially deferred for each row when (new.amount > 0) execute function log();
  create constraint trigger first_name after update on members for each row when (new.amount > 5) execute function log();
  alter trigger first_name on members rename to other_name;
  alter trigger heard on members depends on extension plpgsql;
  comment on trigger touched on members is 'tells';
  comment on constraint heard on members is 'tells later';
  insert into members select n, 1, 'note ' || n from generate_series(1, 50) n;`

describe('stand-ins for triggers', () => {
  const roles = useRoles('anna', 'berta')
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)
  const restoring = (act: () => Promise<unknown>) =>
    actingBefore(database(), FILL, act, (db) => restoreFeature(db, feature))
  const triggers = () =>
    database().query(`
      select t.tgname, pg_get_triggerdef(t.oid) as def, t.tgenabled, k.conname, obj_description(t.oid, 'pg_trigger') as comment,
        obj_description(k.oid, 'pg_constraint') as constraint_comment,
        (select count(*)::int from pg_depend d where d.classid = 'pg_trigger'::regclass and d.objid = t.oid and d.deptype = 'x') as extensions
      from pg_trigger t left join pg_constraint k on k.oid = t.tgconstraint
      where t.tgrelid = 'members'::regclass order by 1`)

  test('leave all that the trigger is: its constraint, comments, the extension that it depends on', async () => {
    await owner(SETUP)
    const before = await triggers()
    expect(before).toHaveLength(3)
    await removeFeature(database().db, feature)
    expect(await restoring(() => owner('update members set amount = 2 where id = 3'))).toMatchObject({
      outcome: 'restored',
      warnings: [],
    })
    expect(await triggers()).toEqual(before)
    expect(await database().query('select * from fired order by 1')).toEqual([
      { name: 'heard', id: 3 },
      { name: 'touched', id: 3 },
    ])
  })

  test('follow what is altered meanwhile: names, a column, the function, comments', async () => {
    const alter = `
      alter trigger touched on members rename to touched_again;
      alter table members disable trigger heard;
      alter trigger heard on members rename to heard_again;
      alter function log() rename to log_it;
      alter table members rename column amount to sum;
      comment on trigger touched_again on members is 'tells more';
      comment on trigger heard_again on members is 'tells of this too';`
    await owner(SETUP + alter)
    const expected = await triggers()
    await owner('drop table members, fired; drop function log_it')
    await owner(SETUP)
    await removeFeature(database().db, feature)
    expect(await restoring(() => owner(alter))).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await triggers()).toEqual(expected)
    await removeFeature(database().db, feature)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored' })
  })

  test('that were renamed go when the restore is taken back', async () => {
    await owner(SETUP)
    await removeFeature(database().db, feature)
    const stopped = restoring(async () => {
      await owner(
        'alter trigger touched on members rename to touched_again; alter trigger heard on members rename to heard_again',
      )
      throw new Error('stopped')
    })
    await expect(stopped).rejects.toThrow('stopped')
    expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'already removed' })
    expect((await triggers()).map((t) => `${String(t.tgname)} ${String(t.def).includes('unship')}`)).toEqual([
      'heard_again false',
      'other_name false',
      'touched_again false',
    ])
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('pass over whoever may act as the owner: another login may go on with a restore', async () => {
    const [anna, berta] = roles()
    await database().query(
      `alter role ${anna} password 'x'; alter role ${berta} password 'x'; grant crm_owner to ${anna}, ${berta}`,
    )
    await owner(SETUP)
    const as = async <R>(role: string, work: (db: Kysely<any>) => Promise<R>) => {
      const url = new URL(urlWith(database().url, { user: role, password: 'x' }))
      url.searchParams.set('options', '-c role=crm_owner')
      const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(url.href, 1) }) })
      try {
        return await work(db)
      } finally {
        await db.destroy()
      }
    }
    await removeFeature(database().db, feature)
    const abort = new AbortController()
    const stopped = as(anna, (db) =>
      restoreFeature(db, feature, {
        signal: abort.signal,
        onProgress: (event) => {
          if (event.type === 'phase done' && event.phase === 'add') abort.abort(new Error('stopped'))
        },
      }),
    )
    await expect(stopped).rejects.toThrow()
    expect(await as(berta, (db) => restoreFeature(db, feature))).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select * from fired')).toEqual([])
  })

  test('fire for roles that are not the owner, whatever they set', async () => {
    await owner(SETUP)
    await owner('grant select, update on members to crm_app; grant insert on fired to crm_app')
    await removeFeature(database().db, feature)
    await restoring(async () => {
      const app = await database().connect('crm_app')
      await app.query(`set unship.filling = 'on'; update members set amount = 2 where id = 4`)
      await app.end()
    })
    expect(await database().query('select name from fired order by 1')).toEqual([
      { name: 'heard' },
      { name: 'touched' },
    ])
  })
})
