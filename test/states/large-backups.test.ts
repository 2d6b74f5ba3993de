import { beforeEach, describe, expect, test } from 'vitest'
import { checkHealth, removeFeature, restoreFeature, type FeatureDeclaration, type ProgressEvent } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { workers } from '../support/workers.ts'

const ROWS = 100_000
const feature: FeatureDeclaration = { name: 'log', tables: ['log', 'parted'] }

describe('backups too large for one statement', () => {
  const database = useDatabase()
  const db = () => database().db
  // each some 75 MB
  beforeEach(() =>
    asOwner(
      database(),
      `create table log (id int, filler text, noted numeric);
       alter table log alter column filler set storage plain;
       insert into log select n, repeat('x', 700), n / 7.0 from generate_series(1, ${String(ROWS)}) n;
       create table parted (id int, filler text, seen timestamptz) partition by range (id);
       create table low partition of parted for values from (0) to (50000);
       create table high (seen timestamptz, filler text, id int);
       alter table parted attach partition high for values from (50000) to (1000000);
       alter table low alter column filler set storage plain;
       alter table high alter column filler set storage plain;
       insert into parted select n, repeat('y', 700), 'epoch'::timestamptz + n * '1 min'::interval from generate_series(1, ${String(ROWS)}) n;
       analyze`,
    ),
  )
  const told = (events: readonly ProgressEvent[]) =>
    events.flatMap((event) => (event.type === 'progress' ? [event] : []))

  test('are sealed in stretches that tell how far they are, as one statement would seal them', async () => {
    const removing: ProgressEvent[] = []
    const removed = await removeFeature(db(), feature, { onProgress: (event) => removing.push(event) })
    expect(removed.backups.map(({ rows }) => rows)).toEqual([ROWS, ROWS])
    const record = told(removing).filter(({ phase }) => phase === 'record')
    expect([...new Set(record.map(({ what }) => what))].sort()).toEqual(
      removed.backups.map(({ table }) => table).sort(),
    )
    expect(record.every(({ rows, totalRows }) => rows <= totalRows && totalRows === ROWS)).toBe(true)
    expect(record.some(({ rows, remainingMs }) => rows < ROWS && (remainingMs ?? 0) > 0)).toBe(true)
    // asked without a run, by one statement each
    expect(await checkHealth(db())).toContainEqual(
      expect.objectContaining({ check: 'backups match their checksums', result: 'ok' }),
    )
    const restoring: ProgressEvent[] = []
    await restoreFeature(db(), feature, { onProgress: (event) => restoring.push(event) })
    expect(told(restoring).filter(({ phase }) => phase === 'verify').length).toBeGreaterThan(1)
  })

  test('are read over two connections in one snapshot, and a value that was changed is found', async () => {
    await removeFeature(db(), feature)
    await database().query(`update backup_log set noted = noted + 1 where id = ${String(ROWS)}`)
    const running = restoreFeature(db(), feature)
    const refused = refusal('backup_changed', running)
    expect(await workers(database(), 'select pg_catalog.count(*)%', running)).toBe(2)
    expect((await refused).detail).toMatch(/^backup_log: sealed as 100000:.*, now 100000:/)
    // nothing is left open
    const [open] = await database().query(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    )
    expect(open).toEqual({ n: 0 })
  })

  test('are sealed alike in a transaction, where nobody helps', async () => {
    await db()
      .transaction()
      .execute((transaction) => removeFeature(transaction, feature))
    expect(await restoreFeature(db(), feature)).toMatchObject({ outcome: 'restored' })
  })
})
