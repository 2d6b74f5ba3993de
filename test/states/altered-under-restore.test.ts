import { beforeEach, describe, expect, test } from 'vitest'
import { abortRestore, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const FILLS = ')::text as total'
const VERIFIES = 'phase verify'
const REVEALS = `'revealed'`

describe('the application writes while a restore fills, whatever somebody has done to', () => {
  const database = useDatabase()
  const feature = {
    name: 'extras',
    columns: { members: ['note', 'label'] },
    fill: { members: { label: `'new ' || upper(code) || public.shown(7)` } },
  }
  const owner = (sql: string) => asOwner(database(), sql)

  beforeEach(async () => {
    await owner(`create table members (id int primary key, code text not null, note text, label text);
      create function shown(int) returns text language sql as 'select $1::text';
      insert into members select n, 'c' || n, 'note ' || n, 'label ' || n from generate_series(1, 50) n`)
    await removeFeature(database().db, feature)
  })

  const write = (table = 'members', key = 'id', code = 'code') => `
    insert into ${table} (${key}, ${code}) values (51, 'c51');
    update ${table} set ${key} = 102 where ${key} = 2;
    insert into ${table} (${key}, ${code}) values (2, 'again');
    delete from ${table} where ${key} = 3;
    insert into ${table} (${key}, ${code}) values (4, 'c4') on conflict (${key}) do update set ${code} = 'other';`
  const WRITTEN = [
    { id: 1, code: 'c1', note: 'note 1', label: 'label 1' },
    { id: 2, code: 'again', note: 'note 2', label: 'label 2' },
    { id: 4, code: 'other', note: 'note 4', label: 'label 4' },
    { id: 51, code: 'c51', note: null, label: 'new C517' },
    { id: 102, code: 'c2', note: null, label: 'new C27' },
  ]
  const rows = () =>
    database().query('select id, code, note, label from members where id in (1, 2, 3, 4, 51, 102) order by id')

  const altered: Record<string, readonly [alter: string, write: string, back: string]> = {
    'a key column': [
      'alter table members rename id to number',
      write('members', 'number'),
      'alter table members rename number to id',
    ],
    'a column that the declared fill names': [
      'alter table members rename code to mark',
      write('members', 'id', 'mark'),
      'alter table members rename mark to code',
    ],
    'a function that the declared fill calls': [
      'alter function shown(int) rename to told',
      write(),
      'alter function told(int) rename to shown',
    ],
    'a hidden column': [
      'alter table members rename unship_hidden_note to other',
      write(),
      'alter table members rename other to unship_hidden_note',
    ],
    'the backup': [
      'alter table backup_extras_members rename to other',
      write(),
      'alter table other rename to backup_extras_members',
    ],
    'rights on the backup': [
      'revoke select on backup_extras_members from crm_owner',
      write(),
      'grant select on backup_extras_members to crm_owner',
    ],
  }

  test.each(
    Object.entries(altered).flatMap(([what, one]) => [FILLS, VERIFIES, REVEALS].map((at) => [what, at, one] as const)),
  )('%s, before: %s, and back: it has to begin anew', async (_, at, [alter, writes, back]) => {
    const all = async () => {
      for (const sql of [alter, writes, back]) await owner(sql)
    }
    const error = await refusal(
      'not_restored_exactly',
      actingBefore(database(), at, all, (db) => restoreFeature(db, feature)),
    )
    expect(error.hint).toContain('abortRestore')
    await refusal('not_restored_exactly', restoreFeature(database().db, feature))
    await abortRestore(database().db, feature)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', setAside: [] })
    expect(await rows()).toEqual(WRITTEN)
  })

  test.each(Object.entries(altered))('%s, for longer: it stops, and begins anew', async (_, [alter, writes, back]) => {
    const acting = async () => {
      await owner(alter)
      await owner(writes)
    }
    await expect(actingBefore(database(), VERIFIES, acting, (db) => restoreFeature(db, feature))).rejects.toThrow()
    await owner(back)
    await refusal('not_restored_exactly', restoreFeature(database().db, feature))
    await abortRestore(database().db, feature)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', setAside: [] })
    expect(await rows()).toEqual(WRITTEN)
  })

  test.each<readonly [what: string, alter: string, write: string, back: string]>([
    [
      'the table, which is renamed',
      'alter table members rename to people',
      write('people'),
      'alter table people rename to members',
    ],
    [
      'the table, which is moved',
      'create schema other; alter table members set schema other',
      write('other.members'),
      'alter table other.members set schema public; drop schema other',
    ],
    [
      'our schema',
      'revoke usage on schema unship from crm_owner',
      write(),
      'grant usage on schema unship to crm_owner',
    ],
  ])('%s: it goes on', async (_, ...statements) => {
    const acting = async () => {
      for (const sql of statements) await owner(sql)
    }
    const report = await actingBefore(database(), VERIFIES, acting, (db) => restoreFeature(db, feature))
    expect(report).toMatchObject({ outcome: 'restored', setAside: [] })
    expect(await rows()).toEqual(WRITTEN)
  })
})
