import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type RestoreReport } from 'kysely-unship'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

describe('rows whose parent goes right before the reveal', () => {
  const database = useDatabase()
  const feature = { name: 'f', tables: ['log'] }

  const PLAIN = 'create table log (id int primary key, parent int references parents)'
  const PARTITIONED = `create table log (id int primary key, parent int references parents) partition by range (id);
    create table log_1 partition of log for values from (0) to (3); create table log_2 partition of log default`
  const TRIGGER = `create function touch() returns trigger language plpgsql as 'begin return new; end';
    create trigger touch before update on log for each row execute function touch()`
  const FORCED = `alter table log enable row level security, force row level security`

  const make = async (log: string, rows: number) => {
    await asOwner(
      database(),
      `create table parents (id int primary key); insert into parents select generate_series(1, ${String(rows)});
       ${log};
       insert into log select n, n from generate_series(1, ${String(rows)}) n`,
    )
  }

  /** Parents go after the last look for them; `meanwhile` is begun before the rows are set aside. */
  async function restoring(gone: string, meanwhile?: () => Promise<void>): Promise<RestoreReport> {
    const pool = createPool(database().ownerUrl, 1)
    let [deleted, begun] = [false, false]
    beforeQueries(pool, async (query) => {
      if (!deleted && query.includes(`'revealed'`)) {
        deleted = true
        await database().query(`delete from parents where ${gone}`)
      }
      if (deleted && !begun && query.includes('unship_reason')) {
        begun = true
        await meanwhile?.()
      }
    })
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    try {
      const report = await restoreFeature(db, feature)
      expect([deleted, begun]).toEqual([true, true])
      return report
    } finally {
      await db.destroy()
    }
  }

  test.each([
    ['with a trigger', `${PLAIN}; ${TRIGGER}`],
    ['with a rule', `${PLAIN}; create rule nothing as on update to log where old.id = 0 do instead nothing`],
    ['whose owner policies bind', `${PLAIN}; create policy all_of_it on log using (true) with check (true); ${FORCED}`],
    ['in partitions', `${PARTITIONED}; ${TRIGGER}`],
  ])(
    'of a table %s: nobody waits behind the lock for as long as somebody keeps it',
    async (_, log) => {
      await make(log, 5)
      await removeFeature(database().db, feature)
      const long = await database().connect()
      const client = await database().connect()
      let waited = 0
      let waiting: Promise<unknown> | undefined
      const report = await restoring('id = 3', async () => {
        // an ordinary transaction that goes on for a while
        await long.query('begin; insert into log values (100, 1)')
        waiting = sleep(300).then(async () => {
          const began = performance.now()
          const insert = client
            .query('insert into log values (101, 1)')
            .then(() => (waited = performance.now() - began))
          await sleep(2_000)
          await long.query('commit')
          await insert
        })
      })
      await waiting
      expect(report.setAside).toMatchObject([{ rows: 1 }])
      expect(waited).toBeLessThan(1_000)
    },
    30_000,
  )

  test('many are set aside bit by bit, and told of together', async () => {
    await make(`${PLAIN}; ${TRIGGER}`, 2_500)
    await removeFeature(database().db, feature)
    const { setAside } = await restoring('id > 100')
    expect(setAside).toMatchObject([{ table: 'log', rows: 2_400 }])
    expect(await database().query(`select count(*)::int as n from ${setAside[0]?.kept ?? ''}`)).toEqual([{ n: 2_400 }])
    expect(await database().query('select count(*)::int as n from log')).toEqual([{ n: 100 }])
  })
})
