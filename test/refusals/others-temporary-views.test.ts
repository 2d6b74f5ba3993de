import { describe, expect, it } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { HOST, gone } from './support.ts'

describe("another session's temporary view of what goes", () => {
  const database = useDatabase()

  it('is refused without advice to grant something on the schema of that session', async () => {
    const owner = await database().connect()
    await owner.query(`${HOST} create temporary view look as select gone from host`)
    const undeclared = await refusedUnchanged(database(), 'undeclared_dependents', () =>
      removeFeature(database().db, { name: 'f', ...gone }),
    )
    // no declaration can take it along
    expect(undeclared.suggestion ?? {}).toEqual({})
    expect(undeclared.hint).toBe('A temporary view goes when its session ends: wait for that, or end it.')
    const views = await database().query<{ name: string }>(
      `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relname = 'look'`,
    )
    const declared = await refusedUnchanged(database(), 'not_restorable', () =>
      removeFeature(database().db, { name: 'f', ...gone, views: views.map(({ name }) => name) }),
    )
    expect(declared.message).not.toMatch(/(CREATE|USAGE|grant .*) on schema/)
  })
})
