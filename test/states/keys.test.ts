import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const ratings = defineFeature()({ name: 'ratings', columns: { members: ['rating'] } })

const create = (database: TestDatabase, table: string) =>
  database.query(`
    set role crm_owner;
    ${table};
    insert into members (email, rating) select 'm' || n, n % 5 from generate_series(1, 50) n`)

describe('a host table without a usable key', () => {
  const database = useDatabase()

  test.each([
    ['none', `create table members (email text, rating int)`],
    ['nullable', `create table members (email text unique, rating int)`],
    ['deferrable', `create table members (email text not null unique deferrable, rating int)`],
    [
      'partial',
      `create table members (email text not null, rating int); create unique index on members (email) where rating < 9`,
    ],
    [
      'of an expression',
      `create table members (email text not null, rating int); create unique index on members (lower(email))`,
    ],
    ['of the removed column', `create table members (email text not null, rating int, unique (email, rating))`],
  ])('key: %s', async (key, table) => {
    await create(database(), table)
    if (key === 'of the removed column') await database().query('alter table members alter column rating set not null')
    const feature =
      key === 'of the removed column'
        ? defineFeature()({
            ...ratings,
            constraints: { members: ['members_email_rating_key'] },
            fill: { members: { rating: '0' } },
          })
        : key === 'partial'
          ? defineFeature()({ ...ratings, indexes: ['members_email_idx'] })
          : ratings
    const error = await refusedUnchanged(database(), 'no_usable_key', () => removeFeature(database().db, feature))
    expect(error.primary).toBe('table members has no key to find its rows again')
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('a unique key over NOT NULL columns does', async () => {
    await create(database(), `create table members (email text not null unique, rating int)`)
    const before = await readState(database())
    const removed = await removeFeature(database().db, ratings)
    expect(removed.warnings.join()).toContain('found again by email')
    await restoreFeature(database().db, ratings)
    expect(await readState(database())).toEqual(before)
  })

  test('a key that is written otherwise during the copy, and is equal, is the same row', async () => {
    await asOwner(
      database(),
      `create table members (id numeric primary key, rating int);
       insert into members select n, n from generate_series(1, 50) n`,
    )
    const rewrite = () => asOwner(database(), 'update members set id = 7.0 where id = 7')
    await actingBefore(database(), 'phase verify', rewrite, (db) => removeFeature(db, ratings))
    expect(await restoreFeature(database().db, ratings)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select id::text, rating from members where id = 7')).toEqual([
      { id: '7.0', rating: 7 },
    ])
  })
})
