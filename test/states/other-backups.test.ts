import { beforeEach, describe, expect, test } from 'vitest'
import { archiveBackups, purgeKept, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe("a name of another feature's backup", () => {
  const database = useDatabase()
  const db = () => database().db
  const state = () => readState(database(), { dump: false })
  const pay = { name: 'pay', columns: { roll_items: ['a'] } }
  // backup_pay_roll_items is both features'
  const payRoll = { name: 'pay_roll', columns: { items: ['b'] } }
  beforeEach(() =>
    asOwner(
      database(),
      `create table roll_items (id int primary key, a text); insert into roll_items values (1, 'x');
       create table items (id int primary key, b text); insert into items values (1, 'y')`,
    ),
  )

  test('a removal says whose it is', async () => {
    await removeFeature(db(), pay)
    const error = await refusedUnchanged(database(), 'backup_exists', () => removeFeature(db(), payRoll))
    expect(error.primary).toBe('backup_pay_roll_items already exists')
    expect(error.detail).toBe(`The removal keeps its backup under that name.
backup_pay_roll_items is the backup of feature pay, which is removed.`)
    expect(error.hint).toMatch(/^Archive the backups of feature pay \(unship archive\)/)
    expect(error.hint).toContain('Rename none of them')
  })

  test('of the same feature, it is not to be archived or renamed', async () => {
    await removeFeature(db(), pay)
    await asOwner(database(), 'alter table roll_items add a text')
    const error = await refusedUnchanged(database(), 'backup_exists', () => removeFeature(db(), pay))
    expect(error.hint).toBe('Restore the feature, or purge its backups where nobody wants them back.')
  })

  test.each([['the first one first'], ['the last one first']])(
    'an archive makes it free: restored, %s',
    async (order) => {
      const before = await state()
      await removeFeature(db(), pay)
      await archiveBackups(db(), pay)
      await removeFeature(db(), payRoll)
      if (order === 'the first one first') {
        const error = await refusedUnchanged(database(), 'name_taken', () => restoreFeature(db(), pay))
        expect(error.detail).toBe('relation backup_pay_roll_items is a backup of feature pay_roll.')
        expect(error.hint).toMatch(/^Archive the backups of feature pay_roll/)
        await archiveBackups(db(), payRoll)
        expect(await restoreFeature(db(), pay)).toMatchObject({ outcome: 'restored', warnings: [] })
      }
      expect(await restoreFeature(db(), payRoll)).toMatchObject({ outcome: 'restored', warnings: [] })
      if (order === 'the last one first')
        expect(await restoreFeature(db(), pay)).toMatchObject({ outcome: 'restored', warnings: [] })
      expect(await state()).toEqual(before)
    },
  )

  const everything = `
    create type mood as enum ('fine'); create sequence card;
    create table note (id serial primary key, kind int, mood mood unique, next int generated always as identity);
    create statistics note_kinds on id, kind from note;
    create table part (id int primary key) partition by list (id); create table part_1 partition of part default;
    insert into note (kind, mood) values (1, 'fine'); insert into part values (1)`

  test('all that hangs on an archive, or was renamed with it, is not in the way', async () => {
    const declared = { tables: ['note', 'part'], types: ['mood'], sequences: ['card'] }
    const old = { name: 'old', ...declared }
    const now = { name: 'now', ...declared }
    await asOwner(database(), everything)
    const before = await state()
    await removeFeature(db(), old)
    await archiveBackups(db(), old)
    await asOwner(database(), everything)
    // PostgreSQL 18 gives NOT NULL constraints names that those of the archives do not have
    const anew = await state()
    await removeFeature(db(), now)
    await archiveBackups(db(), now)
    expect(await restoreFeature(db(), now)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect((await state()).definitions).toEqual(anew.definitions)
    await asOwner(database(), 'drop table note, part; drop type mood; drop sequence card')
    expect(await restoreFeature(db(), old)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await state()).toEqual(before)
  })

  describe('that its own was renamed to make free', () => {
    const old = { name: 'old', tables: ['t'] }
    const now = { name: 'now', tables: ['t'] }
    const t = `create table t (id int primary key, a text)`
    beforeEach(async () => {
      await asOwner(database(), `${t}; insert into t values (1, 'same')`)
      await removeFeature(db(), old)
      await asOwner(database(), `${t}; insert into t values (1, 'same')`)
      await asOwner(database(), 'alter table backup_t rename to old_t; alter index backup_t_pkey rename to old_t_pkey')
      await removeFeature(db(), now)
    })
    const forced = { confirmed: true, forceDataLoss: true }

    test.each([
      ['purge', () => purgeKept(db(), old, forced)],
      ['archive', () => archiveBackups(db(), old)],
      ['restore', () => restoreFeature(db(), old)],
    ])('is not taken for it: %s', async (_, call) => {
      const error = await refusedUnchanged(database(), 'backup_changed', call)
      expect(error.primary).toBe('backup_t is not the backup of feature old any more')
      expect(error.detail).toBe('backup_t is the backup of feature now (run 2).')
      expect(await restoreFeature(db(), now)).toMatchObject({ outcome: 'restored' })
    })

    test('in a ledger that does not say which table it was: neither of them is dropped', async () => {
      await database().query(`update unship.runs set report = report - 'oids'`)
      for (const feature of [old, now])
        await refusedUnchanged(database(), 'backup_changed', () => purgeKept(db(), feature, forced))
    })

    test('once the other one is archived and it has its name again, it is its own', async () => {
      await archiveBackups(db(), now)
      await asOwner(
        database(),
        'alter table old_t rename to backup_t; alter index old_t_pkey rename to backup_t_pkey_1',
      )
      expect((await purgeKept(db(), old, forced)).dropped).toMatchObject([{ table: 'backup_t' }])
      expect(await restoreFeature(db(), now)).toMatchObject({ outcome: 'restored' })
    })
  })
})
