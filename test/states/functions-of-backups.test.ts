import { execFileSync } from 'node:child_process'
import { describe, expect, inject, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { createDatabase, useDatabase, type TestDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()

/** What pg_dump has of a database, in another one. */
async function dumped(from: TestDatabase): Promise<TestDatabase> {
  const to = await createDatabase()
  const dump = execFileSync('pg_dump', ['--format=custom', from.url], { maxBuffer: 2 ** 28 })
  execFileSync('pg_restore', ['--exit-on-error', '--clean', '--if-exists', '--dbname', to.url], {
    input: dump,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  return to
}

describe('a check of a removed table that calls a function of the feature, whose text calls another', () => {
  const feature = { name: 'f', tables: ['item'], functions: ['is_plain', 'plain'] }
  const SCHEMA = `
    create table parent (id int primary key); insert into parent values (1), (2);
    create function plain(text) returns text language sql immutable as 'select lower($1)';
    create function is_plain(t text) returns boolean language plpgsql immutable as 'begin return public.plain(t) = t; end';
    create table item (id int primary key, parent int references parent on delete set null, name text check (is_plain(name)));
    insert into item values (1, 1, 'a'), (2, 2, 'b')`

  const PARSED = SCHEMA.replace(`sql immutable as 'select lower($1)'`, 'sql immutable return lower($1)').replace(
    `plpgsql immutable as 'begin return public.plain(t) = t; end'`,
    'sql immutable return plain(t) = t',
  )

  test('is refused, for it could not be evaluated while the table is a backup', async () => {
    await asOwner(database(), SCHEMA)
    const refused = await refusedUnchanged(database(), 'not_restorable', () => removeFeature(database().db, feature))
    expect(refused.detail).toBe(
      'constraint item_name_check on table public.item calls function public.is_plain(text), whose text names plain: it would not find them while this is a backup.',
    )
    expect(refused.hint).toContain('parsed body')
  })

  test('comes back where a parent has gone meanwhile, if they are parsed', async () => {
    await asOwner(database(), PARSED)
    await removeFeature(database().db, feature)
    await asOwner(database(), 'delete from parent where id = 1')
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
    expect(await database().query('select * from item order by id')).toEqual([
      { id: 1, parent: null, name: 'a' },
      { id: 2, parent: 2, name: 'b' },
    ])
  })

  test('is in a dump with its rows, if they are parsed', async ({ skip }) => {
    if (!inject('server').hasPgDump) skip()
    await asOwner(database(), PARSED)
    await removeFeature(database().db, feature)
    const other = await dumped(database())
    try {
      expect(await other.query('select count(*)::int as rows from backup_item')).toEqual([{ rows: 2 }])
    } finally {
      await other.drop()
    }
  })
})
