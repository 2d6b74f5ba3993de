import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { watchName } from '../../src/names.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

const COPYING = `set phase = 'copy'`
const VERIFYING = `set phase = 'verify'`
const CUTTING_OVER = `set phase = 'record'`

const LOG = `unship.${watchName('extras', { schema: 'public', name: 'members' })}`

describe('the application writes while a removal watches, whatever somebody has done to', () => {
  const roles = useRoles('group')
  const database = useDatabase()
  const feature = { name: 'extras', columns: { members: ['note'] } }
  const owner = (sql: string) => asOwner(database(), sql)

  beforeEach(() =>
    owner(`create table members (id int primary key, code text not null, note text);
      insert into members select n, 'c' || n, 'note ' || n from generate_series(1, 50) n`),
  )

  /** An insert, an update, another key, a delete and an UPSERT, as the application makes them, by the present names. */
  const write = (table = 'members', key = 'id') => `
    insert into ${table} (${key}, code, note) values (51, 'c51', 'note 51');
    update ${table} set note = 'changed' where ${key} = 1;
    update ${table} set ${key} = 102 where ${key} = 2;
    delete from ${table} where ${key} = 3;
    insert into ${table} (${key}, code, note) values (4, 'c4', 'other') on conflict (${key}) do update set note = excluded.note;`
  const WRITTEN = [
    { id: 1, note: 'changed' },
    { id: 4, note: 'other' },
    { id: 51, note: 'note 51' },
    { id: 102, note: 'note 2' },
  ]

  interface Case {
    readonly alter: string
    readonly write?: string
    /** What makes that the removal can be run again. */
    readonly back: string
    readonly detail?: string
  }

  const cases: Record<string, Case> = {
    'a key column that is renamed': {
      alter: 'alter table members rename id to number',
      write: write('members', 'number'),
      back: 'alter table members rename number to id',
      detail: 'column public.members.id is gone',
    },
    'a key column that is renamed there and back': {
      alter: 'alter table members rename id to number',
      write: `${write('members', 'number')}; alter table members rename number to id`,
      back: '',
    },
    'a column that goes and a key': {
      alter: 'alter table members rename id to number; alter table members rename note to remark',
      write: write('members', 'number').replaceAll('note', 'remark').replaceAll(`'remark`, `'note`),
      back: 'alter table members rename number to id; alter table members rename remark to note',
      detail: 'column public.members.note is gone',
    },
    'another column that has the name of the key': {
      alter: 'alter table members rename id to number; alter table members rename code to id',
      write: write('members', 'number').replaceAll('code', 'id'),
      back: 'alter table members rename id to code; alter table members rename number to id',
      detail: 'column public.members.id was altered',
    },
    'a column that is dropped': {
      alter: 'alter table members drop code',
      write: write()
        .replaceAll(', code', '')
        .replaceAll(/, 'c\d+'/g, ''),
      back: `alter table members add code text`,
      detail: 'column public.members.code is gone',
    },
    'the table, which is renamed': {
      alter: 'alter table members rename to people',
      write: write('people'),
      back: 'alter table people rename to members',
      detail: 'column public.members.code is gone',
    },
    'the table, which is moved to another schema': {
      alter: 'create schema other; alter table members set schema other',
      write: write('other.members'),
      back: 'alter table other.members set schema public',
      detail: 'column public.members.code is gone',
    },
    'the log, which is dropped': { alter: `drop table ${LOG}`, back: '' },
    'the log, which is renamed': { alter: `alter table ${LOG} rename to other`, back: 'drop table unship.other' },
    'rights on the log': { alter: `revoke insert on ${LOG} from crm_owner`, back: '' },
    'rights on the log, which are given back': {
      alter: `revoke insert on ${LOG} from crm_owner`,
      write: `${write()}; grant insert on ${LOG} to crm_owner`,
      back: '',
    },
    'rights on the schema of the log, which are given back': {
      alter: 'revoke usage on schema unship from crm_owner',
      write: `${write()}; grant usage on schema unship to crm_owner`,
      back: '',
    },
    'the schema of the log, which is renamed there and back': {
      alter: 'alter schema unship rename to ours',
      write: `${write()}; alter schema ours rename to unship`,
      back: '',
    },
  }

  test.each(
    Object.entries(cases).flatMap(([what, one]) =>
      [COPYING, VERIFYING, CUTTING_OVER].map((at) => [what, at, one] as const),
    ),
  )('%s, before: %s', async (_, at, { alter, write: writing = write(), back, detail }) => {
    const error = await refusal(
      'plan_changed',
      actingBefore(
        database(),
        at,
        async () => {
          await owner(alter)
          await owner(writing)
        },
        (db) => removeFeature(db, feature),
      ),
    )
    if (detail !== undefined) expect(error.detail).toContain(detail)
    await owner(back)
    // nothing of it is lost
    expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'removed' })
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', setAside: [] })
    expect(
      await database().query('select id, note from members where id in (1, 2, 3, 4, 51, 102) order by id'),
    ).toEqual(WRITTEN)
  })

  /** The removal, in whose middle its role gets into the group, or out of it and in again, while the application writes. */
  const joining = (before: string) =>
    actingBefore(
      database(),
      VERIFYING,
      async () => {
        const [group] = roles()
        if (before !== '') await database().query(`${before} ${group} from crm_owner`)
        await owner(write())
        await database().query(`grant ${group} to crm_owner`)
      },
      (db) => removeFeature(db, feature),
    )

  test('the memberships of its role, which the log does not hang on: it goes on', async () => {
    expect(await joining('')).toMatchObject({ outcome: 'removed' })
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', setAside: [] })
  })

  test('the membership that gives rights on the schema of the log, which is given back', async () => {
    const [group] = roles()
    await database().query(`grant ${group} to crm_owner; create schema unship authorization ${group}`)
    await refusal('plan_changed', joining('revoke'))
    expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'removed' })
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', setAside: [] })
    expect(
      await database().query('select id, note from members where id in (1, 2, 3, 4, 51, 102) order by id'),
    ).toEqual(WRITTEN)
  })
})
