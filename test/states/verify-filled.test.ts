import { Kysely, PostgresDialect } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readState, type State } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { workers } from '../support/workers.ts'

const notes = { name: 'notes', columns: { members: ['note'] } }
const ROWS = 60_000

describe('the verification of filled columns', () => {
  const database = useDatabase()
  let before: State
  // a backup of 1,200 blocks
  beforeEach(async () => {
    await asOwner(
      database(),
      `create table members (id int primary key, name text not null, note text);
       insert into members select n, 'member ' || n, repeat('x', 100) || n from generate_series(1, ${String(ROWS)}) n`,
    )
    before = await readState(database(), { dump: false })
    await removeFeature(database().db, notes)
  })

  test('tells how far it is, over two connections', async () => {
    const events: ProgressEvent[] = []
    const running = restoreFeature(database().db, notes, { onProgress: (event) => events.push(event) })
    expect(await workers(database(), 'select pg_catalog.count(*)::int as kept%', running)).toBe(2)
    expect((await running).hosts).toEqual([{ table: 'members', restored: ROWS, inserted: 0, deleted: 0 }])
    const told = events.flatMap((e) => (e.type === 'progress' && e.phase === 'verify' ? [e] : []))
    expect(told.length).toBeGreaterThan(0)
    for (const event of told) expect(event).toMatchObject({ what: 'members', totalRows: ROWS })
    expect(told.some(({ rows, remainingMs }) => rows < ROWS && (remainingMs ?? 0) > 0)).toBe(true)
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  /** Restores while somebody spoils the hidden column of a row, before the verification looks for the `nth` time. */
  async function spoiled(nth: (look: number) => boolean) {
    let look = 0
    const pool = createPool(database().ownerUrl, 1)
    beforeQueries(pool, async (text) => {
      if (!text.startsWith('select pg_catalog.count(*)::int as kept') || !nth(look++)) return
      const [hidden] = await database().query<{ name: string }>(
        `select attname as name from pg_attribute where attrelid = 'members'::regclass and attnum > 2 and not attisdropped`,
      )
      await database().query(
        `begin; set local session_replication_role = replica;
         update members set "${String(hidden?.name)}" = 'spoiled' where id = ${String(ROWS)}; commit`,
      )
    })
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    try {
      return await restoreFeature(db, notes)
    } finally {
      await db.destroy()
    }
  }

  test('has a row filled again that does not hold what its backup does', async () => {
    expect((await spoiled((look) => look === 0)).outcome).toBe('restored')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('refuses to reveal what is spoiled again and again, and the restore can go on afterwards', async () => {
    const error = await refusal(
      'backup_not_verified',
      spoiled(() => true),
    )
    expect(error.message).toContain('1 rows of members do not hold what the backup does')
    expect((await restoreFeature(database().db, notes)).outcome).toBe('restored')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })
})
