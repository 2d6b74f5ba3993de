import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner, major } from '../support/round-trip.ts'
import { HOST, ITEM, gone, items, testRefusals, type RefusedCase } from './support.ts'

const FULL = 'with REPLICA IDENTITY FULL: its UPDATE and DELETE fail with a column list'

const since15: Readonly<Record<string, RefusedCase>> = {
  'a host table with REPLICA IDENTITY FULL': {
    setup: `${HOST} alter table host replica identity full; create publication news for table host`,
    feature: gone,
    reason: `host table host is published by news ${FULL}`,
  },
  'a host table without replica identity': {
    setup: `create table host (id int unique not null, gone text, kept text); create publication news for table host`,
    feature: gone,
    reason: 'host table host is published by news and has no replica identity: its columns could not be filled again',
  },
  'a row filter over a removed column': {
    setup: `${HOST} create publication news for table host where (gone = 'a') with (publish = 'insert')`,
    feature: gone,
    reason: 'the row filter of host table host in publication news reads gone',
  },
  'a row filter that makes UPDATE fail': {
    setup: `${HOST} create publication news for table host where (kept = 'a')`,
    feature: gone,
    reason: 'whose row filter reads kept, which is not of its replica identity',
  },
  'a column list that makes UPDATE fail': {
    setup: `${HOST} create publication news for table host (kept)`,
    feature: gone,
    reason: 'whose column list leaves out id of its replica identity',
  },
  'a column list of removed columns alone': {
    setup: `${HOST} create publication news for table host (gone) with (publish = 'insert')`,
    feature: gone,
    reason: 'publication news publishes nothing of host table host but removed columns',
  },
  'a publication of the schema': {
    setup: `${HOST} create publication news for tables in schema public`,
    feature: gone,
    reason: 'publication news would publish the backups: it is for tables in schema public',
    superuser: true,
  },
  "a publication of the ledger's schema": {
    setup: `${ITEM} create schema if not exists unship; create publication news for tables in schema unship`,
    feature: items,
    reason: 'publication news would publish the backups: it is for tables in schema unship',
    superuser: true,
  },
  'a publication of a partition': {
    setup: `create table whole (id int primary key) partition by list (id); create table item partition of whole default;
      create publication news for table whole`,
    feature: items,
    reason: 'partition item is published by news as part of a partition tree',
  },
}

const always: Readonly<Record<string, RefusedCase>> = {
  'a publication of everything': {
    setup: `${HOST} create publication news for all tables`,
    feature: gone,
    reason:
      "publication news would publish the backups, the watch's log and the ledger: it is for all tables, and its subscribers, which lack these, would stop",
    superuser: true,
  },
}

const only14: Readonly<Record<string, RefusedCase>> = {
  'a host table': {
    setup: `${HOST} create publication news for table host`,
    feature: gone,
    reason: 'host table host is published by news: its subscribers would break',
  },
}

describe('publications that are refused', () => testRefusals({ ...always, ...(major() >= 15 ? since15 : only14) }))

describe('a publication of another role', () => {
  const roles = useRoles('publisher')
  const database = useDatabase()

  const publishAs = async (what: string) => {
    await asOwner(database(), what)
    await database().query(`create publication news for table item; alter publication news owner to ${roles()[0]}`)
  }

  test('is refused, and so is a restore into one', async () => {
    const [publisher] = roles()
    await database().query(`grant create on database ${database().name} to ${publisher}`)
    await publishAs(ITEM)
    const error = await refusedUnchanged(database(), 'not_owner', () =>
      removeFeature(database().db, { name: 'items', ...items }),
    )
    expect(error.detail).toBe(`publication news, of item, belongs to ${publisher}.`)

    await database().query(`alter publication news owner to crm_owner`)
    await removeFeature(database().db, { name: 'items', ...items })
    await database().query(`alter publication news owner to ${publisher}`)
    const restore = await refusedUnchanged(database(), 'not_restorable', () =>
      restoreFeature(database().db, { name: 'items', ...items }),
    )
    expect(restore.detail).toBe(`publication news, to which item comes back, belongs to ${publisher}.`)
    await database().query(`drop publication news`)
    expect(
      (
        await refusedUnchanged(database(), 'not_restorable', () =>
          restoreFeature(database().db, { name: 'items', ...items }),
        )
      ).detail,
    ).toBe('publication news, to which item comes back, does not exist.')
    await asOwner(database(), 'create publication news')
    expect(await restoreFeature(database().db, { name: 'items', ...items })).toMatchObject({
      outcome: 'restored',
      warnings: [],
    })
  })
})
