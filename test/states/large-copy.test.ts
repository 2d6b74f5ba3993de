import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, type ProgressEvent } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'

const ROWS = 120_000

describe('a host table too large for one statement', () => {
  const database = useDatabase()

  test('is copied in slices of one snapshot, with writers, and tells how far it is', async () => {
    await database().query(`
      create table contacts (id int primary key, filler text, flag boolean);
      alter table contacts owner to crm_owner; grant update on contacts to crm_app; grant select on contacts to crm_app;
      alter table contacts alter column filler set storage plain;
      insert into contacts select n, repeat('x', 700), case when n % 3 = 0 then true end from generate_series(1, ${String(ROWS)}) n;
      analyze contacts;`)
    const app = await database().connect('crm_app')
    const events: ProgressEvent[] = []
    let changes: Promise<unknown> = Promise.resolve()
    const feature = defineFeature()({ name: 'flag', columns: { contacts: ['flag'] } })
    const removed = await removeFeature(database().db, feature, {
      onProgress: (event) => {
        events.push(event)
        // rows move to the end of the table, and values come and go, while it is copied
        if (event.type === 'phase started' && event.phase === 'copy')
          changes = app.query(
            `update contacts set flag = case when id % 2 = 0 then not coalesce(flag, false) end where id % 1000 = 0`,
          )
      },
    })
    await changes
    const progress = events.filter((e) => e.type === 'progress' && e.phase === 'copy')
    expect(progress.length).toBeGreaterThan(0)
    expect(progress.every((e) => e.type === 'progress' && e.what === 'contacts' && e.rows <= e.totalRows + 1)).toBe(
      true,
    )

    const kept = await database().query<{ id: number; flag: boolean }>(
      'select id, flag from backup_flag_contacts order by id',
    )
    const expected = Array.from({ length: ROWS }, (_, i) => i + 1).flatMap((id) => {
      const before = id % 3 === 0 ? true : null
      const flag = id % 1000 === 0 ? (id % 2 === 0 ? !(before ?? false) : null) : before
      return flag === null ? [] : [{ id, flag }]
    })
    expect(kept).toEqual(expected)
    expect(removed.backups[0]?.rows).toBe(expected.length)
  })
})
