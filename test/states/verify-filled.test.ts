import { Kysely, PostgresDialect } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent, type RunOptions } from 'kysely-unship'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readState, type State } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

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

  /** Restores over so many connections; `act` is called, and waited for, before each statement of the verification. */
  async function restored(max: number, act: (nth: number) => Promise<unknown> | undefined, options: RunOptions = {}) {
    let statements = 0
    const pool = createPool(database().ownerUrl, max)
    beforeQueries(pool, (text) =>
      text.startsWith('select pg_catalog.count(*)::int as kept') ? act(statements++) : undefined,
    )
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    try {
      return await restoreFeature(db, notes, options)
    } finally {
      await db.destroy()
    }
  }

  test('tells how far it is, over two connections', async () => {
    const events: ProgressEvent[] = []
    // the first connection waits until another one comes along
    let comes: (() => void) | undefined
    const another = new Promise<void>((resolve) => (comes = resolve))
    const report = await restored(
      2,
      (nth) => {
        if (nth === 1) comes?.()
        return nth === 0 ? another : undefined
      },
      { onProgress: (event) => events.push(event) },
    )
    expect(report.hosts).toEqual([{ table: 'members', restored: ROWS, inserted: 0, deleted: 0 }])
    const told = events.flatMap((e) => (e.type === 'progress' && e.phase === 'verify' ? [e] : []))
    expect(told.length).toBeGreaterThan(0)
    for (const event of told) expect(event).toMatchObject({ what: 'members', totalRows: ROWS })
    expect(told.some(({ rows, remainingMs }) => rows < ROWS && (remainingMs ?? 0) > 0)).toBe(true)
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  // processes cannot share a range of rows between them: each would go through an index of the whole backup for each stretch
  test('reads a stretch of the backup at a time, however cheap several processes look to the planner', async () => {
    for (const setting of [
      'random_page_cost',
      'parallel_setup_cost',
      'parallel_tuple_cost',
      'min_parallel_index_scan_size',
    ])
      await database().query(`alter database ${database().name} set ${setting} = 0`)
    expect((await restored(1, () => undefined)).outcome).toBe('restored')
    const [index] = await database().query<{ rows: string }>(
      `select idx_tup_read as rows from pg_stat_user_indexes where relname like 'archive_notes_members%'`,
    )
    // once by other steps, which such a planner has read it by its index
    expect(Number(index?.rows)).toBeLessThan(2 * ROWS)
  })

  /** Restores while somebody spoils the hidden column of a row, before the verification looks for the `nth` time. */
  const spoiled = (isNow: (nth: number) => boolean) =>
    restored(1, async (nth) => {
      if (!isNow(nth)) return
      const [hidden] = await database().query<{ name: string }>(
        `select attname as name from pg_attribute where attrelid = 'members'::regclass and attnum > 2 and not attisdropped`,
      )
      await database().query(
        `begin; set local session_replication_role = replica;
         update members set "${String(hidden?.name)}" = 'spoiled' where id = ${String(ROWS)}; commit`,
      )
    })

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
