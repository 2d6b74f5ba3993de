import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()

describe('what a name stands for by now is not what it stood for', () => {
  test('a label: rows that held the default are not given another value', async () => {
    const feature = { name: 'priority', columns: { ticket: ['priority'] } }
    await asOwner(
      database(),
      `create type priority as enum ('medium', 'high'); create table ticket (id int primary key, priority priority default 'high');
       insert into ticket values (1), (2)`,
    )
    await removeFeature(database().db, feature)
    // one step up: what was high is urgent now
    await asOwner(
      database(),
      `alter type priority rename value 'high' to 'urgent'; alter type priority rename value 'medium' to 'high'`,
    )
    const outcome = await restoreFeature(database().db, feature).then(
      () => 'restored',
      () => 'refused',
    )
    const found = outcome === 'restored' ? await database().query('select distinct priority::text from ticket') : []
    expect([outcome, found]).not.toEqual(['restored', [{ priority: 'high' }]])
  })

  test('a label of a policy: it does not let other rows through', async () => {
    const feature = { name: 'drafts', policies: { page: ['published'] } }
    await asOwner(
      database(),
      `create type state as enum ('hidden', 'open'); create table page (id int primary key, state state);
       alter table page enable row level security; create policy published on page using (state = 'open');
       insert into page values (1, 'hidden'), (2, 'open')`,
    )
    await removeFeature(database().db, feature)
    await asOwner(
      database(),
      `alter type state rename value 'open' to 'public'; alter type state rename value 'hidden' to 'open'`,
    )
    await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
  })

  test('a column of a view', async () => {
    const feature = { name: 'f', views: ['v'], columns: { host: ['p'] } }
    await asOwner(
      database(),
      `create table host (id int primary key, net int, gross int, p int); insert into host values (1, 100, 119, 7);
       create view v as select net, p from host`,
    )
    await removeFeature(database().db, feature)
    await asOwner(
      database(),
      `alter table host rename net to x; alter table host rename gross to net; alter table host rename x to gross`,
    )
    await restoreFeature(database().db, feature).catch(() => undefined)
    const found = await database()
      .query('select net from v')
      .catch(() => 'refused')
    expect(found).not.toEqual([{ net: 119 }])
  })
})

describe('what bears a name by now that something else bore', () => {
  const viewed = { name: 'f', views: ['v'], columns: { host: ['p'] } }
  const remove = async () => {
    await asOwner(
      database(),
      `create type state as enum ('new', 'open', 'shut'); create function said(text) returns text language sql immutable as 'select $1';
       create table people (id int primary key, name text); insert into people values (1, 'one');
       create table host (id int primary key, state state, p int); insert into host values (1, 'open', 7);
       create view v as select said(name) as said, p from host join people using (id) where state = 'open'`,
    )
    await removeFeature(database().db, viewed)
  }
  const restore = () => restoreFeature(database().db, viewed)

  const RENAMED = 'alter table people rename to persons; create table people (id int primary key, name text)'
  test.each([
    [
      'a table',
      RENAMED,
      'column name of table people is another one, and what it was is column name of table persons by now: view v needs it.',
      ['drop table people; alter table persons rename to people', 'drop table persons'],
    ],
    [
      'a function',
      `alter function said(text) rename to told; create function said(text) returns text language sql immutable as 'select upper($1)'`,
      'function said(text) is another one, and what it was is function told(text) by now: view v needs it.',
      ['drop function said(text); alter function told(text) rename to said', 'drop function told(text)'],
    ],
    [
      'a column',
      'alter table people rename name to nick; alter table people add name text',
      'column name of table people is another one, and what it was is column nick of table people by now: view v needs it.',
      ['alter table people drop name; alter table people rename nick to name', 'alter table people drop nick'],
    ],
  ])('%s: is refused, and comes back as the hint says', async (_, rename, detail, ways) => {
    for (const way of ways) {
      await remove()
      await asOwner(database(), rename)
      const error = await refusedUnchanged(database(), 'not_restorable', restore)
      expect(error.detail?.replaceAll('public.', '').split('\n')).toContain(detail)
      expect(error.hint).toContain('Give each its name back; or drop what it was')
      await asOwner(database(), way)
      expect((await restore()).outcome).toBe('restored')
      await asOwner(database(), 'drop view v; drop table host, people; drop function said; drop type state')
    }
  })

  test('after pg_upgrade identifiers tell of tables, and not of functions, which it gives new ones', async () => {
    await remove()
    await asOwner(
      database(),
      `${RENAMED}; alter function said(text) rename to told; create function said(text) returns text language sql immutable as 'select $1'`,
    )
    await database().query(`update unship.runs set server_version = '13.0'`)
    const { detail } = await refusedUnchanged(database(), 'not_restorable', restore)
    expect(detail).toContain('column name of table public.people is another one')
    expect(detail).not.toContain('function')
  })

  test('a label that was renamed, and one that has its name: identifiers tell, whatever has come in between', async () => {
    await remove()
    await asOwner(
      database(),
      `alter type state add value 'late' after 'open'; alter type state rename value 'open' to 'begun'; alter type state rename value 'new' to 'open'`,
    )
    const error = await refusedUnchanged(database(), 'not_restorable', restore)
    expect(error.detail?.replaceAll('public.', '')).toBe(
      'label open of type state is another one: what it was is begun by now: view v needs it.',
    )
    await asOwner(
      database(),
      `alter type state rename value 'open' to 'new'; alter type state rename value 'begun' to 'open'`,
    )
    expect(await restore()).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('in a database that came from a dump the order of the labels tells', async () => {
    await remove()
    await database().query(`update unship.runs set plan = plan || '{"ledger": "1"}'`)
    await asOwner(database(), `alter type state add value 'late' before 'open'`)
    await asOwner(
      database(),
      `alter type state rename value 'open' to 'begun'; alter type state rename value 'new' to 'open'`,
    )
    await asOwner(
      database(),
      `alter type state rename value 'shut' to 'new'; alter type state rename value 'begun' to 'shut'`,
    )
    const error = await refusedUnchanged(database(), 'not_restorable', restore)
    expect(error.detail?.replaceAll('public.', '')).toBe(
      'label open of type state has another place among its labels: it seems to be another one: view v needs it.',
    )
  })

  test.each([
    [
      'a table, which is told',
      RENAMED.replace('alter table people rename to persons', 'drop table people'),
      ['table people'],
    ],
    [
      'a column',
      'alter table people add next text; update people set next = name; alter table people drop name; alter table people rename next to name',
      [],
    ],
    [
      'a function, which is told',
      `drop function said(text); create function said(text) returns text language sql immutable as 'select $1'`,
      ['function said(text)'],
    ],
    [
      'an enum with its labels in another order',
      `alter type state rename to past; create type state as enum ('shut', 'open');
      alter table host alter state type state using state::text::state; drop type past`,
      [],
    ],
  ])('where that is gone for good, what was made anew takes its place: %s', async (_, anew, told) => {
    await remove()
    await asOwner(database(), anew)
    const { outcome, warnings } = await restore()
    expect(outcome).toBe('restored')
    expect(warnings.map((warning) => warning.replaceAll('public.', ''))).toEqual(
      told.map((what) => `${what} is another one than when the feature was removed: view v needs it`),
    )
  })
})
