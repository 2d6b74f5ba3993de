import { describe, expect, test } from 'vitest'
import { planRemoval } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner } from '../../support/round-trip.ts'
import { refusal, roundTrip } from './support.ts'

/** A table that has had so many columns more, all dropped: PostgreSQL never gives their numbers to others. */
const host = (dropped: number) => `
  do $$ begin
    execute (select 'create table host (id int primary key, gone text, ' || string_agg('c' || g || ' bool', ', ') || ')'
      from generate_series(1, ${String(dropped)}) g);
    execute (select 'alter table host ' || string_agg('drop c' || g, ', ') from generate_series(1, ${String(dropped)}) g);
  end $$;
  insert into host select g, 'n' || g from generate_series(1, 5) g;`

describe('the 1,600 column numbers of a table', () => {
  const database = useDatabase()
  const feature = { name: 'f', columns: { host: ['gone'] } }

  test('are used to the last one', async () => {
    await roundTrip(database(), { setup: host(1597), feature })
    const error = await refusal(database(), feature)
    expect(error.detail).toContain('has used 1600 of 1600 column numbers: its columns could not be added again')
  })

  test('are refused before they are exceeded', async () => {
    await asOwner(database(), host(1598))
    await expect(planRemoval(database().db, feature)).rejects.toMatchObject({ code: 'not_restorable' })
  })
})
