import { expect, test } from 'vitest'
import { removeFeature, restoreFeature, type Phase } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { failAfter } from './broken.ts'

const database = useDatabase()

const feature = { name: 'f', columns: { h: ['a'] }, views: ['mv', 'over'] }

const set = () =>
  asOwner(
    database(),
    `create table h (id int primary key, keep text, a int default 1); insert into h values (1, 'a', 5), (2, 'b', 6);
     create materialized view mv as select id, keep, a from h; create unique index mv_keep on mv (keep);
     create materialized view over as select count(*) from mv`,
  )

const expectFresh = async () => {
  expect(await database().query('select id, keep, a from mv order by 1')).toEqual(
    await database().query('select id, keep, a from h order by 1'),
  )
  expect(await database().query('select * from over')).toEqual(await database().query('select count(*) from h'))
}

const change = () => asOwner(database(), `update h set keep = 'new' where id = 1; insert into h values (3, 'c')`)

test.each<Phase>(['fill', 'build', 'verify'])(
  'a restore that broke off after phase %s and goes on shows the rows of its end',
  async (phase) => {
    await set()
    await removeFeature(database().db, feature)
    await expect(restoreFeature(database().db, feature, failAfter(phase))).rejects.toThrow('of the caller')
    await change()
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    await expectFresh()
  },
)

test('so does one that was broken off by locks at its reveal', async () => {
  await set()
  await removeFeature(database().db, feature)
  const reader = await database().connect()
  let held: Promise<unknown> | undefined
  const call = restoreFeature(database().db, feature, {
    lockAttempts: 2,
    onProgress: (event) => {
      if (event.type === 'phase done' && event.phase === 'build')
        held = reader.query('begin; lock table h in access share mode')
    },
  })
  await refusal('locked', call)
  await held
  await reader.query('rollback')
  await change()
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  await expectFresh()
})

test('one that goes on in a transaction of the caller', async () => {
  await set()
  await removeFeature(database().db, feature)
  await expect(restoreFeature(database().db, feature, failAfter('verify'))).rejects.toThrow('of the caller')
  await change()
  await database()
    .db.transaction()
    .execute((trx) => restoreFeature(trx, feature))
  await expectFresh()
})

test('rows that a unique index does not take can be mended', async () => {
  await set()
  await removeFeature(database().db, feature)
  await asOwner(database(), `insert into h values (10, 'a')`)
  await refusal('rows_in_the_way', restoreFeature(database().db, feature))
  await asOwner(database(), `delete from h where id = 10`)
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  await expectFresh()
})
