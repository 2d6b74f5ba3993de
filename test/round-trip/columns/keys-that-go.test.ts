import { describe, expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { refusedUnchanged } from '../../support/refusal.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

const database = useDatabase()

/** A table with a key, and how a feature declares that it goes. */
const keys: [string, string, object][] = [
  ['is declared', 'constraint item_key primary key (id)', { constraints: { item: ['item_key'] } }],
  ['is declared', 'constraint item_key unique (id)', { constraints: { item: ['item_key'] } }],
  ['is declared', 'check (true)); create unique index item_key on item (id', { indexes: ['item_key'] }],
  // DROP COLUMN drops them
  [
    'INCLUDEs a removed column',
    'constraint item_key primary key (id) include (note)',
    { constraints: { item: ['item_key'] } },
  ],
  [
    'INCLUDEs a removed column',
    'check (true)); create unique index item_key on item (id) include (note',
    { indexes: ['item_key'] },
  ],
]

describe('a key does not identify the rows of a backup where it goes itself', () => {
  test.each(keys)('since it %s: %s', async (_, key, declared) => {
    await asOwner(database(), `create table item (id int not null, code int, note text, ${key})`)
    const feature = { name: 'notes', columns: { item: ['note'] }, ...declared }
    const error = await refusedUnchanged(database(), 'no_usable_key', () => removeFeature(database().db, feature))
    expect(error.detail).toContain('item_key')
  })

  test.each(keys)('but another one that stays does: it %s: %s', async (_, key, declared) => {
    await asOwner(
      database(),
      `create table item (id int not null, code int not null unique, note text, ${key});
       insert into item values (1, 3, 'n'), (2, 4, null)`,
    )
    await expectRoundTrip(database(), { name: 'notes', columns: { item: ['note'] }, ...declared })
  })
})
