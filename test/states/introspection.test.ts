import { Kysely, PostgresDialect, type Dialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { MigrationDialect } from 'kysely-unship'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

describe('a migrator that lists the tables while another run renames one', () => {
  const database = useDatabase()

  /** How often listing failed, of twenty times. */
  async function failures(dialect: (pool: ReturnType<typeof createPool>) => Dialect): Promise<number> {
    const db = new Kysely<any>({ dialect: dialect(createPool(database().ownerUrl, 1)) })
    const renaming = await database().connect()
    const state = { done: false }
    const renames = (async () => {
      for (let n = 0; !state.done; n++)
        await renaming.query(`alter table ${n % 2 === 0 ? 't' : 'u'} rename to ${n % 2 === 0 ? 'u' : 't'}`)
      await renaming.query('alter table if exists u rename to t')
    })()
    let failed = 0
    try {
      for (let n = 0; n < 20; n++) await db.introspection.getTables().catch(() => failed++)
    } finally {
      state.done = true
      await renames
      await Promise.all([renaming.end(), db.destroy()])
    }
    return failed
  }

  test('looks again', async () => {
    await asOwner(
      database(),
      `do $$ begin for n in 1..150 loop execute format('create table a%s (id int, b int, c int, d int)', n); end loop; end $$;
       create table t (id int, b int, c int, d int)`,
    )
    expect(await failures((pool) => new MigrationDialect({ pool }))).toBe(0)
    // Kysely's own does not
    expect(await failures((pool) => new PostgresDialect({ pool }))).toBeGreaterThan(0)
  })
})
