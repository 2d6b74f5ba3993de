import { EventEmitter, once } from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = defineFeature()({ name: 'extras', columns: { members: ['note'] } })
const third = defineFeature()({ name: 'third', columns: { members: ['extra'] } })
const other = defineFeature()({ name: 'others', columns: { members: ['amount'] } })

const schema = `
  create table members (id int primary key, name text not null, note text, amount numeric default 7, extra text);
  create index noted on members (note);
  create table touched (id int);
  create function touch() returns trigger language plpgsql as $$ begin insert into touched values (new.id); return new; end $$;
  create trigger touch after update on members for each row execute function touch();
  create constraint trigger heard after update on members for each row execute function touch();
  comment on trigger touch on members is 'mine';
  insert into members select n, 'name', 'note ' || n, n, 'extra ' || n from generate_series(1, 50) n;`

/** What the restore's first change is known by, and its fill. */
const ADDING = `set phase = 'fill'`
const FILLING = 'with filled as'

describe('what is altered while a restore is under way', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)
  beforeEach(async () => {
    await owner(schema)
  })

  /** Restores a feature; `act` is done right before the first statement with this text in it. */
  const restoring = (text: string, act: () => Promise<unknown>, which: FeatureDeclaration = feature) =>
    actingBefore(database(), text, act, (db) => restoreFeature(db, which))
  const triggers = () =>
    database().query<{ tgname: string; tgenabled: string; def: string }>(
      `select tgname, tgenabled, pg_get_triggerdef(oid) as def from pg_trigger where tgrelid = 'members'::regclass order by 1`,
    )
  const restored = { outcome: 'restored', warnings: [] }

  test.each([
    ['alter table members add column note int', 'column public.members.note is new'],
    [
      'create trigger also before update on members for each row execute function touch()',
      'trigger public.members.also is new',
    ],
    ['alter table members disable trigger touch', 'trigger public.members.touch was altered'],
    ['create rule never as on update to members do instead nothing', 'rule public.members.never is new'],
    ['alter table members alter id type text', 'column public.members.id was altered'],
  ])('before its first change it is refused, and says so: %s', async (alter, detail) => {
    await removeFeature(database().db, feature)
    const error = await refusal(
      'plan_changed',
      restoring(ADDING, () => owner(alter)),
    )
    expect(error.detail).toContain(detail)
    expect(await database().query(`select attname from pg_attribute where attname ~ '^unship'`)).toEqual([])
  })

  test('a key of another type is refused before anything changes', async () => {
    await removeFeature(database().db, feature)
    await owner('alter table members alter id type text')
    const error = await refusal('not_restorable', restoreFeature(database().db, feature))
    expect(error.detail).toContain('The key of members (id) has another type than in the backup')
    await owner('alter table members alter id type bigint using id::bigint')
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
  })

  test('another restore or removal of the same table waits for its end, in either order', async () => {
    const before = await readState(database())
    await removeFeature(database().db, feature)
    await removeFeature(database().db, other)
    const refused: unknown[] = []
    const attempts = async () => {
      const two = [restoreFeature(database().db, other), removeFeature(database().db, third)]
      refused.push(...(await Promise.all(two.map((attempt) => attempt.catch((error: unknown) => error)))))
    }
    expect(await restoring(FILLING, attempts)).toMatchObject(restored)
    for (const error of refused)
      expect(error).toMatchObject({ code: 'not_restorable', detail: expect.stringContaining('is under way') as string })
    expect(refused).toHaveLength(2)

    // the second one adds between the first one's look at the table and its own first change
    await removeFeature(database().db, feature)
    const events = new EventEmitter()
    const filling = once(events, 'filling')
    let second: Promise<unknown> | undefined
    const overtaken = restoring(ADDING, async () => {
      const hold = () => {
        const refused = once(events, 'refused')
        events.emit('filling')
        return refused
      }
      second = restoring(FILLING, hold, other)
      await filling
    })
    await refusal('plan_changed', overtaken)
    events.emit('refused')
    expect(await second).toMatchObject(restored)
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
    const { definitions, rows } = await readState(database())
    expect({ definitions, rows }).toEqual({ definitions: before.definitions, rows: before.rows })
  })

  test.each([
    ['disable trigger touch', 'alter table members disable trigger touch, disable trigger heard', ['D', 'D']],
    ['enable always', 'alter table members enable always trigger touch', ['O', 'A']],
  ])('triggers stay as they are made meanwhile: %s', async (_, alter, states) => {
    const before = await triggers()
    await removeFeature(database().db, feature)
    expect(await restoring(FILLING, () => owner(alter))).toMatchObject(restored)
    expect((await triggers()).map((t) => t.tgenabled)).toEqual(states)
    expect((await triggers()).map((t) => t.def)).toEqual(before.map((t) => t.def))
  })

  test('triggers that are dropped or replaced meanwhile stay so, and the restore ends', async () => {
    await removeFeature(database().db, feature)
    const replaced = 'create trigger touch before insert on members for each row execute function touch()'
    const alter = () => owner(`drop trigger touch on members; drop trigger heard on members; ${replaced}`)
    expect(await restoring(FILLING, alter)).toMatchObject(restored)
    expect(await triggers()).toMatchObject([
      {
        tgname: 'touch',
        def: 'CREATE TRIGGER touch BEFORE INSERT ON public.members FOR EACH ROW EXECUTE FUNCTION touch()',
      },
    ])
  })

  test('a trigger that is created meanwhile may have fired for the fill, and is told of', async () => {
    await removeFeature(database().db, feature)
    const create = () => owner('create trigger late after update on members for each row execute function touch()')
    const { outcome, warnings } = await restoring(FILLING, create)
    expect(outcome).toBe('restored')
    expect(warnings).toEqual([expect.stringMatching(/^trigger late of public.members was created or enabled while/)])
    expect((await triggers()).map((t) => t.tgname)).toEqual(['heard', 'late', 'touch'])
  })

  test('triggers that are all disabled and enabled meanwhile are told of: the originals are enabled too', async () => {
    await removeFeature(database().db, feature)
    const { warnings } = await restoring(FILLING, () =>
      owner('alter table members disable trigger user; alter table members enable trigger user'),
    )
    expect(warnings).toEqual(
      ['heard', 'touch'].map((name) =>
        expect.stringMatching(`^trigger unship_hidden_${name} of public.members, for which another stood in .* twice`),
      ),
    )
    expect((await triggers()).map((t) => t.tgname)).toEqual(['heard', 'touch'])
  })

  test('triggers that are dropped meanwhile do not keep a restore from being taken back', async () => {
    await removeFeature(database().db, feature)
    const stop = async () => {
      await owner('drop trigger touch on members')
      throw new Error('stopped')
    }
    await expect(restoring(FILLING, stop)).rejects.toThrow('stopped')
    expect((await removeFeature(database().db, feature)).outcome).toBe('already removed')
    expect((await triggers()).map((t) => t.tgname)).toEqual(['heard'])
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
  })

  test('an index that somebody else gave the name of a restored one is not taken for it', async () => {
    await removeFeature(database().db, feature)
    const error = await refusal(
      'name_taken',
      restoring(FILLING, () => owner('create index noted on members (name)')),
    )
    expect(error.detail).toContain('CREATE INDEX noted ON public.members USING btree (name)')
    await owner('drop index noted')
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
  })

  test.each([
    ['an index of the table', 'create index noted on members (name)', 'drop index noted'],
    ['an index of another table', 'create unique index noted on touched (id)', 'drop index noted'],
    ['a table', 'create table noted (id int)', 'drop table noted'],
  ])(
    'what somebody else gave the name of a restored index stays when the restore is taken back: %s',
    async (_, make, drop) => {
      const named = defineFeature()({ name: 'extras', columns: { members: ['note'] }, indexes: ['named'] })
      await owner('create index named on members (name)')
      await removeFeature(database().db, named)
      await refusal(
        'name_taken',
        actingBefore(
          database(),
          FILLING,
          () => owner(make),
          (db) => restoreFeature(db, named),
        ),
      )
      expect((await removeFeature(database().db, named)).outcome).toBe('already removed')
      expect(await database().query(`select to_regclass('noted') as theirs, to_regclass('named') as ours`)).toEqual([
        { theirs: 'noted', ours: null },
      ])
      await owner(drop)
      expect(await restoreFeature(database().db, named)).toMatchObject(restored)
      expect(await database().query(`select to_regclass('noted') as theirs, to_regclass('named') as ours`)).toEqual([
        { theirs: 'noted', ours: 'named' },
      ])
    },
  )

  test('a host table that was renamed while a restore lay broken is missed', async () => {
    await removeFeature(database().db, feature)
    const stop = () => Promise.reject(new Error('stopped'))
    await expect(restoring(FILLING, stop)).rejects.toThrow('stopped')
    await owner('alter table members rename to people')
    await refusal('host_table_missing', restoreFeature(database().db, feature))
    await owner('alter table people rename to members')
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
  })

  test('a backup that was changed while a restore lay broken is not trusted', async () => {
    await removeFeature(database().db, feature)
    const stop = () => Promise.reject(new Error('stopped'))
    await expect(restoring(FILLING, stop)).rejects.toThrow('stopped')
    await owner(`delete from backup_extras_members where id = 7`)
    const error = await refusal('backup_changed', restoreFeature(database().db, feature))
    expect(error.detail).toMatch(/backup_extras_members: sealed as 50:.*, now 49:/)
    await owner(`insert into backup_extras_members (id, note, backed_up_at) values (7, 'note 7', now())`)
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
  })
})
