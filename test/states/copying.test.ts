import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type RemovalReport } from 'kysely-unship'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { noTraces, readTraces, refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const ROWS = 20_000
const feature = defineFeature()({
  name: 'extras',
  columns: { members: ['note', 'active', 'amount'] },
  counts: {
    notes: { members: ['note'] },
    active: { members: ['active'] },
    'active or noted': { members: ['active', 'note'] },
    amounts: { members: ['amount'] },
  },
})

const schema = `
  create table members (id int primary key, name text not null default 'x', note text, active boolean default true, amount numeric not null default 1.0);
  insert into members (id, note, active, amount)
  select n, case when n % 10 = 0 then 'note ' || n end, n % 4 > 0, case when n % 100 = 0 then 1.00 else 1.0 end
  from generate_series(1, ${String(ROWS)}) n;
  analyze members;`

/** What a copy is called in the ledger when it is over, and the cut-over. */
const VERIFYING = `set phase = 'verify'`
const CUTTING_OVER = `set phase = 'record'`

describe('the copy of a host table', () => {
  const database = useDatabase()
  beforeEach(() => asOwner(database(), schema))

  /** Removes the feature; `act` is done right before the first statement with this text in it. */
  const removing = (text: string, act: () => Promise<unknown>) =>
    actingBefore(database(), text, act, (db) => removeFeature(db, feature))

  const owner = (sql: string) => asOwner(database(), sql)
  const takenBack = async () => {
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
  }

  test('reads it once, and counts on the way', async () => {
    const pool = createPool(database().ownerUrl, 1)
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const read = async () => {
      const [row] = await database().query<{ rows: number }>(
        `select seq_tup_read::int as rows from pg_stat_user_tables where relname = 'members'`,
      )
      return row?.rows ?? 0
    }
    await sleep(1_200)
    const before = await read()
    const simple = { ...feature, counts: { notes: feature.counts.notes, amounts: feature.counts.amounts } }
    const { counts } = await removeFeature(db, simple)
    await db.destroy()
    expect(counts).toEqual({ notes: ROWS / 10, amounts: ROWS / 100 })
    // statistics arrive late
    for (let n = 0; n < 50 && (await read()) < before + ROWS; n++) await sleep(100)
    expect((await read()) - before).toBe(ROWS)
  })

  test('counts booleans that are true, whatever their default', async () => {
    const { counts } = await removeFeature(database().db, feature)
    expect(counts).toEqual({
      notes: ROWS / 10,
      active: (ROWS * 3) / 4,
      'active or noted': (ROWS * 3) / 4 + ROWS / 20,
      amounts: ROWS / 100,
    })
  })

  test('knows how many rows there were, unless the server does not count', async () => {
    await removeFeature(database().db, feature)
    await owner(`insert into members (id) values (-1), (-2); delete from members where id = 1`)
    const [host] = (await restoreFeature(database().db, feature)).hosts
    // row 1 had nothing to be backed up, and is not known to have gone
    expect(host).toMatchObject({ inserted: 1, deleted: 0 })

    await database().query(`alter database ${database().name} set track_counts = off`)
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(database().ownerUrl, 1) }) })
    await removeFeature(db, feature)
    await owner('insert into members (id) values (-3)')
    expect((await restoreFeature(db, feature)).hosts[0]).toMatchObject({ inserted: 0, deleted: 0 })
    await db.destroy()
  })

  test('knows how many rows there were, where an index would have found those that hold something', async () => {
    const noted = defineFeature()({ name: 'noted', columns: { members: ['note'] } })
    await owner(`update members set note = null where id % 1000 > 0; create index on members (note); analyze members`)
    const plan = await database().query<Record<string, string>>(
      'explain select note from members where note is not null',
    )
    expect(plan[0]?.['QUERY PLAN']).toMatch(/Index|Bitmap/)
    await removeFeature(database().db, noted)
    await owner('delete from members where id % 1000 = 0 and id < 15000')
    const restored = await restoreFeature(database().db, noted)
    expect(restored).toMatchObject({ warnings: [], hosts: [{ restored: 6, inserted: 0, deleted: 14 }] })
  })

  test('counts as many columns as there are', async () => {
    const columns = Array.from({ length: 120 }, (_, n) => `column_${String(n)}`)
    await owner(`create table wide (id int primary key, ${columns.map((name) => `${name} int`).join(', ')});
      insert into wide (id, column_119) values (1, 2)`)
    const { counts } = await removeFeature(
      database().db,
      defineFeature()({ name: 'width', columns: { wide: columns } }),
    )
    expect(Object.keys(counts)).toHaveLength(columns.length)
    expect(counts).toMatchObject({ 'wide.column_118': 0, 'wide.column_119': 1 })
  })

  test.each([
    ['a row missing', 'delete from backup_extras_members where id = 10'],
    ['a row too many', 'insert into backup_extras_members (id, amount) values (-1, 2)'],
    ['another value', `update backup_extras_members set note = 'other' where id = 10`],
    ['another image of a value', 'update backup_extras_members set amount = 1.000 where id = 100'],
  ])('is not trusted with %s', async (_, tamper) => {
    const error = await refusal(
      'backup_not_verified',
      removing(VERIFYING, () => owner(tamper)),
    )
    expect(error.detail).toMatch(/backup_extras_members: read \d+:h-?\d+, holds \d+:h-?\d+ \(rows:checksum\)/)
    await takenBack()
  })

  test('cannot be missed by a change that fires no trigger: PostgreSQL refuses that for watched columns', async () => {
    const altered: unknown[] = []
    await removing(CUTTING_OVER, async () => {
      const alter = owner('alter table members alter column note type text using upper(note)')
      altered.push(await alter.catch((error: unknown) => error))
    })
    expect(altered).toMatchObject([{ code: '0A000' }])
  })

  test('is not trusted when a column was given another definition', async () => {
    const alter = () => owner(`alter table members alter column amount set default 2.0`)
    const error = await refusal('plan_changed', removing(CUTTING_OVER, alter))
    expect(error.detail).toContain('column public.members.amount was altered.')
    await takenBack()
  })

  test('is not trusted when the watch was turned off and on again', async () => {
    const trigger = 'unship_extras_update'
    const unseen = () =>
      owner(`alter table members disable trigger ${trigger};
        update members set note = 'unseen' where id = 10;
        alter table members enable always trigger ${trigger}`)
    await refusal('plan_changed', removing(CUTTING_OVER, unseen))
    await takenBack()
    expect(await database().query('select note from backup_extras_members where id = 10')).toEqual([{ note: 'unseen' }])
  })

  test('is not trusted where columns were altered after the plan was made', async () => {
    const alter = () => owner('alter table members alter column amount set default 2.0')
    const error = await refusal('plan_changed', removing('create trigger', alter))
    expect(error.detail).toContain('column public.members.amount was altered.')
    await takenBack()
  })

  test('has what writers did meanwhile, a TRUNCATE included', async () => {
    const write = () =>
      owner(`update members set note = 'changed' where id <= 100; delete from members where id > 19000;
        insert into members (id, note) values (-1, 'new')`)
    const { backups } = await removing(VERIFYING, write)
    const kept = `select count(*)::int as rows, count(*) filter (where note = 'changed')::int as changed, min(id) as least from backup_extras_members`
    expect(await database().query(kept)).toMatchObject([{ changed: 100, least: -1 }])
    expect(backups[0]?.rows).toBe((await database().query<{ rows: number }>(kept))[0]?.rows)

    await restoreFeature(database().db, feature)
    const truncate = () => owner(`truncate members; insert into members (id, note) values (1, 'the only one')`)
    expect((await removing(VERIFYING, truncate)).backups[0]?.rows).toBe(1)
  })

  test('ends though writers never pause, and log more than is copied under lock while the cut-over compares', async () => {
    const other = await database().connect('crm_owner')
    let writing = true
    let n = 0
    const write = async () => {
      for (; writing; n++)
        await other.query(`update members set note = 'value ${String(n)}' where id % 100 = ${String(n % 100)}`)
    }
    const written = write().catch((error: unknown) => error)
    const { backups } = await removeFeature(database().db, feature, { lockAttempts: 20 }).finally(() => {
      writing = false
    })
    // a column that is gone ends the writer
    expect(String(await written)).toContain('column "note" of relation "members" does not exist')
    expect(n).toBeGreaterThan(20)
    const counted = `select count(*)::int as rows from backup_extras_members where note = 'value ${String(n - 1)}' and id % 100 = ${String((n - 1) % 100)}`
    expect(await database().query(counted)).toEqual([{ rows: ROWS / 100 }])
    expect(backups[0]?.rows).toBeGreaterThan(ROWS / 4)
  })

  /** Writes while the cut-over waits for its locks. */
  const writingLate = (sql: string, work: (db: Kysely<any>) => Promise<unknown>) => {
    const isWaited = `select exists (select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())) as yes`
    let committed: Promise<unknown> | undefined
    const write = async () => {
      const other = await database().connect('crm_owner')
      await other.query(`begin; ${sql}`)
      const commit = async () => {
        while (!(await database().query<{ yes: boolean }>(isWaited))[0]?.yes) await sleep(10)
        await other.query('commit')
      }
      committed = commit()
    }
    return actingBefore(database(), VERIFYING, write, work).finally(() => committed)
  }

  const attemptsOf = ({ phases }: RemovalReport) => phases.find(({ phase }) => phase === 'cut over')?.attempts

  test('is not gone on with under lock: what was written while the cut-over waited is copied first, if there is another attempt', async () => {
    const attempts = (lockAttempts: number) =>
      writingLate(`update members set note = 'late' where id <= 600`, (db) =>
        removeFeature(db, feature, { lockTimeoutMs: 10_000, lockAttempts }),
      )
    const error = await refusal('locked', attempts(1))
    expect(error.primary).toBe('rows of feature extras change faster than they are copied')
    expect(error.detail).toContain('1 attempt failed: many rows changed since the last catch-up.')
    await owner(`update members set note = 'before' where id <= 600`)
    await attempts(2)
    const late = `select count(*)::int as rows from backup_extras_members where note = 'late'`
    expect(await database().query(late)).toEqual([{ rows: 600 }])
  })

  test('nor of few rows that are large', async () => {
    await owner('alter table members alter note set storage external')
    const late = `update members set note = repeat('large ', 20000) where id <= 20`
    const report: unknown[] = []
    await writingLate(late, async (db) => report.push(await removeFeature(db, feature, { lockTimeoutMs: 10_000 })))
    expect(report.map((r) => attemptsOf(r as RemovalReport))).toEqual([2])
    const copied = `select count(*)::int as rows from backup_extras_members where length(note) = 120000`
    expect(await database().query(copied)).toEqual([{ rows: 20 }])
  })

  test('nor, within the time that a cut-over has, of many rows that were written right before it', async () => {
    const report = await removing(CUTTING_OVER, () => owner(`update members set note = 'bulk'`))
    expect(attemptsOf(report)).toBe(2)
    const copied = `select count(*)::int as rows from backup_extras_members where note = 'bulk'`
    expect(await database().query(copied)).toEqual([{ rows: ROWS }])
  })

  test.each([
    ['after the copy', VERIFYING],
    ['before the cut-over', CUTTING_OVER],
  ])('gives no row what another held under its key before a TRUNCATE %s', async (_, text) => {
    const { backups } = await removing(text, () => owner(`truncate members; insert into members (id) values (10)`))
    expect(backups[0]?.rows).toBe(0)
    expect(await database().query('select from backup_extras_members')).toEqual([])
    await restoreFeature(database().db, feature)
    expect(await database().query('select id, note from members')).toEqual([{ id: 10, note: null }])
  })
})
