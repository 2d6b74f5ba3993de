import { archiveBackups, defineFeature, purgeKept, readStatus, removeFeature, type RunOptions } from 'kysely-unship'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = defineFeature()({ name: 'vip', columns: { contacts: ['vip'] } })

describe('in a pipeline that hands on empty variables', () => {
  const database = useDatabase()
  beforeEach(async () => {
    for (const name of ['UNSHIP_ACTOR', 'UNSHIP_REASON', 'UNSHIP_BUILD', 'GITHUB_SHA']) vi.stubEnv(name, ' ')
    vi.stubEnv('GITHUB_ACTOR', 'ada')
    vi.stubEnv('CI_COMMIT_SHA', 'abc')
    await asOwner(database(), `create table contacts (id int primary key, vip boolean)`)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })
  const status = async () => (await readStatus(database().db))[0]

  test.each<RunOptions>([{}, { actor: '', reason: '\n' }])(
    'the next one says who and which build: %j',
    async (options) => {
      await removeFeature(database().db, feature, options)
      expect((await status())?.run).toMatchObject({ actor: 'ada', reason: null, build: 'abc' })
      await archiveBackups(database().db, feature, options)
      expect((await status())?.archived).toMatchObject({ actor: 'ada', reason: null })
      await purgeKept(database().db, feature, { ...options, confirmed: true, forceDataLoss: true })
      expect((await status())?.purged).toMatchObject({ actor: 'ada' })
    },
  )

  test('and nobody where none is set', async () => {
    vi.stubEnv('GITHUB_ACTOR', '')
    vi.stubEnv('CI_COMMIT_SHA', '')
    await removeFeature(database().db, feature)
    expect((await status())?.run).toMatchObject({ actor: null, reason: null, build: null })
  })

  test('an option that says something goes before, without what is around it', async () => {
    await removeFeature(database().db, feature, { actor: 'bob', reason: ' moves\n' })
    expect((await status())?.run).toMatchObject({ actor: 'bob', reason: 'moves' })
  })

  test('a text that was cut in the middle of a character is taken', async () => {
    const cut = { actor: 'ada 😀'.slice(0, 5), reason: 'moves 😀'.slice(0, 7) }
    await removeFeature(database().db, feature, cut)
    await archiveBackups(database().db, feature, cut)
    expect(await status()).toMatchObject({ run: { actor: 'ada \uFFFD' }, archived: { reason: 'moves \uFFFD' } })
  })
})
