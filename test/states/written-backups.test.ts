import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const FILLS = 'with filled as'
const VERIFIES = 'phase verify'

describe('a backup that somebody writes to while its restore is under way', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] }, tables: ['log', 'parts'] }

  async function removed() {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text);
       create table log (id int primary key, entry text);
       create table parts (id int primary key, entry text) partition by list (id);
       create table parts_1 partition of parts default;
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n;
       insert into log select n, 'entry ' || n from generate_series(1, 50) n;
       insert into parts select * from log`,
    )
    await removeFeature(database().db, feature)
  }

  const restoringWhile = (before: string, sql: string) =>
    actingBefore(
      database(),
      before,
      () => asOwner(database(), sql),
      (db) => restoreFeature(db, feature),
    )

  test.each([
    ['backup_pay_contacts', FILLS, 'delete from backup_pay_contacts where id = 2'],
    ['backup_pay_contacts', VERIFIES, `update backup_pay_contacts set pay = 'other' where id = 2`],
    ['backup_log', FILLS, `update backup_log set entry = 'other' where id = 2`],
    ['backup_log', VERIFIES, 'delete from backup_log where id = 2'],
    ['backup_log', VERIFIES, `delete from backup_log where id = 2; insert into backup_log values (2, 'other')`],
    ['backup_parts', VERIFIES, `update backup_parts_1 set entry = 'other' where id = 2`],
  ])('%s is not taken for what was backed up: before %s, %s', async (backup, before, sql) => {
    await removed()
    const { detail } = await refusal('backup_changed', restoringWhile(before, sql))
    expect(detail).toMatch(new RegExp(`^${backup}: sealed as `))
    const there = `select to_regclass('log') as log, to_regclass('parts') as parts`
    expect(await database().query(there)).toEqual([{ log: null, parts: null }])
  })

  test('is taken for it where the rows are the same', async () => {
    await removed()
    const restored = await restoringWhile(VERIFIES, 'update backup_log set entry = entry')
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
  })
})
