import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type Feature, type UnshipError } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore, whileComparing } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

/** What the cut-over is known by. */
const CUTTING_OVER = `set phase = 'record'`

describe('what has a lock of its own, altered while a removal is under way', () => {
  const database = useDatabase()
  const owning = defineFeature()({
    name: 'extras',
    tables: ['partners'],
    columns: { members: ['note', 'amount', 'number'] },
    indexes: ['named'],
    functions: ['noting'],
    triggers: { members: ['noted_too'] },
    constraints: { members: ['amount_fits'] },
  })
  beforeEach(() =>
    asOwner(
      database(),
      `
        create table members (id int primary key, name text not null, note text, amount numeric default 7,
          number int generated always as identity, constraint amount_fits check (amount > 0));
        create table partners (id int primary key, member int references members, label text);
        alter table partners enable row level security;
        create policy own on partners using (label <> '');
        insert into members select n, 'name', 'note ' || n, n from generate_series(1, 50) n;
        insert into partners select n, n, 'label ' || n from generate_series(1, 20) n;
        create index members_note on members (note, lower(note));
        create index named on members (name);
        create statistics both_of on note, amount from members;
        create function noting() returns trigger language plpgsql as 'begin return new; end';
        create trigger noted_too before update on members for each row execute function noting();
        create index partners_label on partners (label)`,
    ),
  )
  const alterations: [string, string][] = [
    [`comment on index members_note is 'news'`, 'index public.members_note was altered'],
    ['alter index members_note set (fillfactor = 80)', 'index public.members_note was altered'],
    ['alter index members_note alter column 2 set statistics 77', 'index public.members_note was altered'],
    ['alter index named rename to called', 'index public.named is gone'],
    ['alter index named set (fillfactor = 80)', 'index public.named was altered'],
    [`comment on statistics both_of is 'news'`, 'statistics public.both_of was altered'],
    ['alter statistics both_of set statistics 77', 'statistics public.both_of was altered'],
    ['alter statistics both_of rename to them', 'statistics public.both_of is gone'],
    ['alter sequence members_number_seq increment 5', 'sequence options public.members_number_seq was altered'],
    [`comment on sequence members_number_seq is 'news'`, 'sequence public.members_number_seq was altered'],
    [`comment on function noting is 'news'`, 'function public.noting() was altered'],
    ['alter function noting() stable', 'function public.noting() was altered'],
    ['grant execute on function noting to crm_app', 'function public.noting() was altered'],
    [`comment on trigger noted_too on members is 'news'`, 'trigger public.members.noted_too was altered'],
    [`comment on constraint amount_fits on members is 'news'`, 'constraint public.members.amount_fits was altered'],
    [`comment on policy own on partners is 'news'`, 'policy public.partners.own was altered'],
    [`comment on index partners_label is 'news'`, 'index public.partners_label was altered'],
    ['alter index partners_label rename to label_of_partners', 'index public.partners_label is gone'],
  ]

  /** The cut-over waits for what another session has under way, is given the lock when that is committed, and refuses. */
  async function refusedWhileUnderWay(removed: Feature, alter: string): Promise<UnshipError> {
    const other = await database().connect('crm_owner')
    let altered: Promise<unknown> | undefined
    const act = async () => {
      await other.query(`begin; ${alter}`)
      altered = sleep(200).then(() => other.query('commit'))
    }
    const remove = actingBefore(database(), CUTTING_OVER, act, (db) =>
      removeFeature(db, removed, { lockTimeoutMs: 5_000 }),
    )
    const error = await refusal('plan_changed', remove)
    await altered
    return error
  }

  test.each(alterations)('under way when the cut-over begins: %s', async (alter, detail) => {
    const error = await refusedWhileUnderWay(owning, alter)
    expect(error.detail).toContain(detail)
    const before = await readState(database())
    await removeFeature(database().db, { ...owning, indexes: alter.includes('to called') ? ['called'] : ['named'] })
    expect(await restoreFeature(database().db, owning)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  })

  test.each([
    ...alterations,
    // what depends on an extension could not come back
    ['alter trigger noted_too on members depends on extension plpgsql', 'depends on another extension'],
  ])('after the comparison, before the locks: %s', async (alter, detail) => {
    const error = await whileComparing(database(), owning, CUTTING_OVER, 'members', (other) => other.query(alter))
    expect(error).toMatchObject({ code: 'plan_changed', detail: expect.stringContaining(detail) as string })
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
  })

  test.each([
    ['create view labels as select label from partners', 'view public.labels is new, and depends on it'],
    [
      'create function all_partners() returns setof partners language sql begin atomic select * from partners; end',
      'function public.all_partners() is new, and depends on it',
    ],
  ])('what comes to depend on it after the comparison, before the locks: %s', async (create, detail) => {
    // locked before partners
    await asOwner(database(), 'create table entries (id int primary key, partner int references partners)')
    const more = { ...owning, tables: ['partners', 'entries'] }
    const error = await whileComparing(database(), more, CUTTING_OVER, 'entries', (other) => other.query(create))
    expect(error).toMatchObject({ code: 'plan_changed', detail: expect.stringContaining(detail) as string })
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
  })

  test.each([
    [`comment on function noting is 'news'`, 'noting()'],
    [`comment on statistics both_of is 'news'`, 'statistics object public.both_of'],
    [`comment on index named is 'news'`, 'named'],
    // no lock, but the row is written
    ['alter function noting() stable', 'noting()'],
    ['alter statistics both_of set statistics 77', 'statistics object public.both_of'],
    ['grant select on partners to crm_app', 'partners'],
    ['grant select (note) on members to crm_app', 'members'],
  ])('who holds such a lock is told: %s', async (alter, relation) => {
    const other = await database().connect('crm_owner')
    await other.query(`begin; ${alter}`)
    const waiting: { pid: number; relation: string | null }[] = []
    const error = await refusal(
      'locked',
      removeFeature(database().db, owning, {
        lockAttempts: 2,
        onProgress: (event) => {
          if (event.type === 'waiting') waiting.push(...event.blockers)
        },
      }),
    )
    const [{ pid } = {}] = (await other.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
    await other.query('rollback')
    expect(waiting).toEqual([expect.objectContaining({ pid, relation: expect.stringContaining(relation) as string })])
    // GRANT locks its table as of PostgreSQL 18
    expect(error.message).toMatch(/could not lock partners, members for phase "(watch|cut over)" of feature extras/)
    expect(error.detail).toContain(relation)
  })

  test.each([
    `comment on index parted_note is 'news'`,
    `comment on index parted_1_lower_idx is 'news'`,
    'alter index parted_note alter column 1 set statistics 77',
  ])('of a partitioned table: %s', async (alter) => {
    await asOwner(
      database(),
      `create table parted (id int, note text, primary key (id)) partition by list (id);
      create table parted_1 partition of parted for values in (1); create index parted_note on parted (lower(note));
      insert into parted values (1, 'One')`,
    )
    const notes = defineFeature()({ name: 'notes', columns: { parted: ['note'] }, indexes: ['parted_note'] })
    expect((await refusedWhileUnderWay(notes, alter)).detail).toContain('index public.parted')
  })
})
