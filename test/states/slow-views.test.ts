import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

describe('a materialized view that is filled at the reveal', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] }, views: ['paying', 'counted'] }
  test('and takes longer than five seconds does not keep the restore from its end', async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text);
       create table slow (seconds int);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n;
       create view paying as select id, pay from contacts where pay is not null;
       create materialized view counted as select count(*) as n, pg_sleep((select coalesce(max(seconds), 0) from slow))::text as slept from paying`,
    )
    await removeFeature(database().db, feature)
    await asOwner(database(), 'insert into slow values (6)')
    const waits: string[] = []
    const outcome = await restoreFeature(database().db, feature, {
      lockAttempts: 3,
      onProgress: (event) => {
        if (event.type === 'waiting') waits.push(`${event.phase} ${String(event.attempt)}`)
      },
    }).then(
      (report) => report.outcome,
      (error: unknown) => (error as Error).message,
    )
    expect({ outcome, waits }).toEqual({ outcome: 'restored', waits: [] })
  })
})
