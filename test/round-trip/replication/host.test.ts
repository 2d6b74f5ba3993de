import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { asOwner, major } from '../../support/round-trip.ts'
import { HEARTBEAT, useSubscriber } from '../../support/subscriber.ts'

const HOST = `
  create table host (id int primary key, name text, gone text default 'none', size int, also jsonb);
  create index host_gone on host (gone);
  insert into host select g, 'n' || g, case when g % 2 = 0 then 'v' || g end, g, jsonb_build_object('g', g) from generate_series(1, 200) g;
  ${HEARTBEAT}`
const FEATURE: FeatureDeclaration = { name: 'sizes', columns: { host: ['gone', 'also'] } }

describe.runIf(major() >= 15)('subscribers of a host table go on', () => {
  const publisher = useDatabase()
  const subscriber = useSubscriber(publisher)
  let next = 0

  /** Ordinary life: rows of every kind, of which none fails whatever phase it is. */
  const write = async () => {
    const n = 1000 + next++
    await publisher().query(`
      insert into host (id, name, size) values (${n}, 'new', ${n});
      update host set name = name || '!' where id in (${n % 7}, ${n % 11}, ${n - 1});
      update host set size = size + 1 where id = 150;
      delete from host where id = ${n - 3} or id = ${50 + (n % 100)}`)
  }

  const restoreUntil = async (stop: string) => {
    const controller = new AbortController()
    const restore = restoreFeature(publisher().db, FEATURE, {
      signal: controller.signal,
      onProgress: (event) => {
        if (event.type === 'phase done' && event.phase === stop) controller.abort()
      },
    })
    await expect(restore).rejects.toMatchObject({ code: 'cancelled' })
  }

  const kept = `select id, gone, also from host where id <= 20 order by id`

  test.each([
    ['plain', 'table host', 'id, name, size', ''],
    ['with a column list that names a removed column', 'table host (id, name, gone)', 'id, name', ''],
    ['with a column list of columns that stay', 'table host (id, size)', 'id, size', ''],
    ['with a row filter', 'table host where (id > 3)', 'id, name, size', 'where id > 3'],
  ])('%s, while writers work in every phase', async (_, published, columns, where) => {
    await asOwner(publisher(), `${HOST} create publication news for ${published}, heartbeat`)
    await asOwner(subscriber().database, HOST)
    await subscriber().subscribe('news')
    const before = await readState(publisher())
    const own = await subscriber().database.query(kept)
    await write()
    await removeFeature(publisher().db, FEATURE)
    await write()
    await subscriber().caughtUp()
    for (const phase of ['add', 'fill', 'build', 'verify']) {
      await restoreUntil(phase)
      await write()
      await subscriber().caughtUp()
    }
    expect(await restoreFeature(publisher().db, FEATURE)).toMatchObject({ outcome: 'restored', warnings: [] })
    await write()
    await subscriber().caughtUp()

    await subscriber().expectNoErrors()
    expect(await subscriber().database.query(kept)).toEqual(own)
    const after = await readState(publisher())
    expect(after.definitions).toEqual(before.definitions)
    expect(after.dump).toEqual(before.dump)
    const rows = `select ${columns} from host ${where} order by id`
    expect(await subscriber().database.query(rows)).toEqual(await publisher().query(rows))
  })

  test('when the restore is taken back', async () => {
    await asOwner(publisher(), `${HOST} create publication news for table host, heartbeat`)
    await asOwner(subscriber().database, HOST)
    await subscriber().subscribe('news')
    await removeFeature(publisher().db, FEATURE)
    const removed = await readState(publisher())
    await restoreUntil('fill')
    await write()
    expect(await removeFeature(publisher().db, FEATURE)).toMatchObject({ outcome: 'already removed' })
    await write()
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
    const after = await readState(publisher())
    expect(after.definitions).toEqual(removed.definitions)
    expect(after.dump).toEqual(removed.dump)
    expect(await restoreFeature(publisher().db, FEATURE)).toMatchObject({ outcome: 'restored' })
    await write()
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
  })

  test("in a caller's transaction", async () => {
    await asOwner(publisher(), `${HOST} create publication news for table host, heartbeat`)
    await asOwner(subscriber().database, HOST)
    await subscriber().subscribe('news')
    const before = await readState(publisher())
    await publisher()
      .db.transaction()
      .execute((trx) => removeFeature(trx, FEATURE))
    await write()
    await publisher()
      .db.transaction()
      .execute((trx) => restoreFeature(trx, FEATURE))
    await write()
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
    expect((await readState(publisher())).dump).toEqual(before.dump)
  })

  test('when it is restored by hand', async () => {
    await asOwner(publisher(), `${HOST} create publication news for table host, heartbeat`)
    await asOwner(subscriber().database, HOST)
    await subscriber().subscribe('news')
    const before = await readState(publisher())
    await removeFeature(publisher().db, FEATURE)
    await asOwner(
      publisher(),
      `begin;
       lock table host in access exclusive mode;
       alter publication news drop table host;
       do $$
       declare step record;
       begin
         for step in select sql from unship.statements order by position loop
           execute replace(step.sql, ' CONCURRENTLY ', ' ');
         end loop;
       end $$;
       alter publication news add table host;
       commit`,
    )
    await write()
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
    const after = await readState(publisher())
    expect(after.definitions).toEqual(before.definitions)
    expect(after.dump).toEqual(before.dump)
  })

  test('of two publications of the table', async () => {
    await asOwner(
      publisher(),
      `${HOST} create publication news for table host where (id > 3), heartbeat; create publication more for table host with (publish = 'insert')`,
    )
    await asOwner(subscriber().database, HOST)
    await subscriber().subscribe('news', 'more')
    const before = await readState(publisher())
    await removeFeature(publisher().db, FEATURE)
    await write()
    await restoreUntil('fill')
    await write()
    await subscriber().caughtUp()
    await restoreFeature(publisher().db, FEATURE)
    await write()
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
    const after = await readState(publisher())
    expect(after.definitions).toEqual(before.definitions)
    expect(after.dump).toEqual(before.dump)
  })

  test('of a publication that took the table in while the columns were away', async () => {
    await asOwner(publisher(), `${HOST} create publication news for table heartbeat`)
    await asOwner(subscriber().database, HOST)
    await removeFeature(publisher().db, FEATURE)
    await asOwner(publisher(), 'alter publication news add table host')
    await subscriber().subscribe('news')
    await write()
    const report = await restoreFeature(publisher().db, FEATURE)
    expect(report.warnings).toEqual([
      'publication news has taken in host since the removal: its subscribers must have gone, also before these columns appear',
    ])
    await write()
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
    expect(
      await publisher().query(`select attnames::text from pg_publication_tables where tablename = 'host'`),
    ).toEqual([{ attnames: '{id,name,size,gone,also}' }])
  })
})
