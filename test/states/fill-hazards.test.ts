import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner, major } from '../support/round-trip.ts'

const feature = defineFeature()({ name: 'notes', columns: { t: ['note'] } })
const all = defineFeature()({
  name: 'notes',
  columns: { t: ['note', 'shown'] },
  acknowledge: { rewrites: { t: ['shown'] } },
})

describe('rows that filling would fail at, or change besides', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)
  const removing = () => removeFeature(database().db, feature)
  const restoring = () => restoreFeature(database().db, feature)
  beforeEach(async () => {
    await database().query(`alter database ${database().name} set datestyle = 'German'`)
    await owner(`
      create function mine(text) returns text language sql immutable as 'select $1';
      create function touch() returns trigger language plpgsql as 'begin return new; end';
      create table t (id int primary key, name text, day date, note text, shown text generated always as (mine(name)) stored);
      insert into t select n, 'name ' || n, '2024-01-01', case when n > 5 then 'note' end from generate_series(1, 9) n;`)
  })

  const unvalidated: [string, string, string, string, number?][] = [
    ['a check', `check (id < 7) not valid`, 'constraint odd', 'delete from t where id >= 7'],
    [
      'a check by the settings of the database',
      `check (day::text <> '01.01.2024') not valid`,
      'constraint odd',
      'delete from t where id > 5',
    ],
    ['NOT NULL', 'not null name not valid', 'NOT NULL of name', `update t set name = 'n' where name is null`, 18],
  ]
  test.each(unvalidated)(
    '%s that is not validated: asked for before the removal, and before the restore',
    async (_, constraint, name, mend, since = 14) => {
      if (major() < since) return
      const nameless = constraint.startsWith('not null') ? `update t set name = null where id = 8;` : ''
      const add = `${nameless} alter table t add constraint odd ${constraint}`
      const reason = `rows of t do not satisfy ${name}, which is not validated: they could not be filled.`
      await owner(add)
      expect((await refusedUnchanged(database(), 'not_restorable', removing)).detail).toBe(reason)
      await owner('alter table t drop constraint odd')
      await removing()
      await owner(add)
      expect((await refusedUnchanged(database(), 'not_restorable', restoring)).detail).toBe(reason)
      await owner(mend)
      expect(await restoring()).toMatchObject({ outcome: 'restored', warnings: [] })
    },
  )

  test('rows that are not filled may be as they are', async () => {
    await owner(`alter table t add constraint odd check (id > 5) not valid`)
    const before = await readState(database(), { dump: false })
    await removing()
    await restoring()
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  const replace = `create or replace function mine(text) returns text language sql immutable as 'select upper($1)'`
  const stale = 'generated column shown of t does not hold what its expression gives by now'

  test('a generated column that stays, whose function was replaced: where a trigger would have it computed', async () => {
    await owner(replace)
    const before = await readState(database(), { dump: false })
    await removing()
    await restoring()
    expect(await readState(database(), { dump: false })).toEqual(before)
    await owner('create trigger touch before insert or update on t for each row execute function touch()')
    expect((await refusedUnchanged(database(), 'not_restorable', removing)).detail).toBe(
      `${stale}; filling would change it.`,
    )
    await owner('drop trigger touch on t')
    await removing()
    await owner('create trigger touch before insert or update on t for each row execute function touch()')
    expect((await refusedUnchanged(database(), 'not_restorable', restoring)).detail).toBe(
      `${stale}; filling would change it.`,
    )
  })

  test('one that goes, whose function was replaced', async () => {
    await owner(replace)
    const removal = () => removeFeature(database().db, all)
    expect((await refusedUnchanged(database(), 'not_restorable', removal)).detail).toBe(`${stale}.`)
    await owner('update t set name = name')
    expect((await removal()).outcome).toBe('removed')
  })
})
