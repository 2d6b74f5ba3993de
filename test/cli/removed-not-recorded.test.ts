import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { abortCompleteRemoval } from '../../src/run/removal/abort.ts'
import { failAfter } from '../states/broken.ts'
import { useDatabase } from '../support/database.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { asOwner } from '../support/round-trip.ts'
import { CONFIG, json, migration, project, unship } from './support.ts'

const database = useDatabase()
const settings = () => ({ DATABASE_URL: database().ownerUrl })

const REMOVAL = migration({ name: 'vip', columns: { contacts: ['vip'] } })
const NO_RECORD = /Kysely has no record of 2_vip: .*unship abort vip restores it.*would undo the migration before/

/** A removal that is complete, in a migration that failed after it: Kysely has no record of that, but one of the migration before. */
async function removedAndFailed(): Promise<string> {
  const cwd = await project({
    'kysely.config.ts': CONFIG,
    'migrations/1_base.ts': `
      export const up = (db: any) => db.schema.createTable('base').addColumn('id', 'integer').execute()
      export const down = (db: any) => db.schema.dropTable('base').execute()`,
    'migrations/2_vip.ts': REMOVAL.replace(
      'removeFeature(db, feature)',
      `removeFeature(db, feature).then(() => { throw new Error('and another change') })`,
    ),
  })
  await asOwner(
    database(),
    `create table contacts (id int primary key, vip boolean); insert into contacts values (1, true)`,
  )
  const ended = await kysely('migrate:latest', settings(), { cwd })
  expect(ended.output).toContain('and another change')
  return cwd
}

const contacts = () => database().query('select * from contacts')

test('abort, without a name, says what a removal is that Kysely has not recorded, and changes nothing', async () => {
  const cwd = await removedAndFailed()
  const { code, err } = await unship(['abort'], settings(), { cwd })
  expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(NO_RECORD) as string })
  expect(await contacts()).toEqual([{ id: 1 }])
}, 60_000)

test('abort restores it where it is named, and the migration can be run again', async () => {
  const cwd = await removedAndFailed()
  const ended = await unship(['abort', 'vip', '--json'], settings(), { cwd })
  expect(json(ended)).toMatchObject({ direction: 'abort', outcome: 'restored', feature: 'vip' })
  expect(await contacts()).toEqual([{ id: 1, vip: true }])
  expect((await unship(['status'], settings(), { cwd })).out).not.toContain('no record')
  await writeFile(join(cwd, 'migrations/2_vip.ts'), REMOVAL)
  expect(await kysely('migrate:latest', settings(), { cwd })).toMatchObject({ code: 0 })
  expect(await contacts()).toEqual([{ id: 1 }])
}, 60_000)

test('abort goes on with that restore where it broke off', async () => {
  const cwd = await removedAndFailed()
  const broken = abortCompleteRemoval(database().db, { name: 'vip' }, failAfter('fill'))
  await expect(broken).rejects.toThrow('of the caller')
  const { out } = await unship(['status'], settings(), { cwd })
  expect(out).toContain('unship abort goes on with it')
  expect(await unship(['abort'], settings(), { cwd })).toMatchObject({ code: 0 })
  expect(await contacts()).toEqual([{ id: 1, vip: true }])
}, 60_000)

test('status and verify tell of it, until migrate:latest has gone on and recorded it', async () => {
  const cwd = await removedAndFailed()
  expect((await unship(['status'], settings(), { cwd })).out.replace(/\s+/g, ' ')).toMatch(NO_RECORD)
  expect(json(await unship(['status', 'vip', '--json'], settings(), { cwd }))).toMatchObject([
    { unrecorded: ['2_vip'] },
  ])
  const verified = await unship(['verify'], settings(), { cwd })
  expect(verified.code).toBe(0)
  expect(verified.out.replace(/\s+/g, ' ')).toMatch(NO_RECORD)
  await writeFile(join(cwd, 'migrations/2_vip.ts'), REMOVAL)
  expect(await kysely('migrate:latest', settings(), { cwd })).toMatchObject({ code: 0 })
  for (const command of ['status', 'verify'])
    expect((await unship([command], settings(), { cwd })).out).not.toContain('no record')
  // on record, migrate:down is the way back, and abort leaves it alone
  const { code, err } = await unship(['abort', 'vip'], settings(), { cwd })
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('kysely migrate:down brings') as string })
  expect(await contacts()).toEqual([{ id: 1 }])
}, 60_000)

test('abort does not meddle while a migrator has its lock: it may be about to record the removal', async () => {
  const cwd = await removedAndFailed()
  const migrator = await database().connect()
  await migrator.query('select pg_advisory_lock(3853314791062309107)')
  const { code, err } = await unship(['abort', 'vip'], settings(), { cwd })
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('may yet get to the end of 2_vip') as string })
  await migrator.query('select pg_advisory_unlock(3853314791062309107)')
  expect(await contacts()).toEqual([{ id: 1 }])
}, 60_000)
