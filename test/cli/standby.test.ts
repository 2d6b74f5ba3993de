import { Kysely, PostgresDialect } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { checkHealth, defineFeature, readStatus, removeFeature } from 'kysely-unship'
import { ask } from '../faults/lab.ts'
import { startOwnServer } from '../faults/own-server.ts'
import { startReplica } from '../faults/replica.ts'
import { connectAs, createPool } from '../support/connect.ts'
import { CONFIG, project, unship } from './support.ts'

const tokens = defineFeature()({ name: 'tokens', columns: { members: ['token'] } })

function connected(url: string): Kysely<any> {
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(url, 3) }) })
  onTestFinished(() => db.destroy())
  return db
}

test('a standby does not say that a run which is under way on the primary broke off', async () => {
  const primary = await startOwnServer({ wal_level: 'replica' })
  onTestFinished(() => primary.remove())
  const replica = await startReplica(primary)
  onTestFinished(() => replica.stop())
  const [db, standby] = [connected(primary.url), connected(replica.url)]
  await ask(
    primary.url,
    undefined,
    `create table members (id int primary key, token text); insert into members values (1, 'x')`,
  )
  // the removal waits for its locks until this is over
  const reader = await connectAs(primary.url)
  onTestFinished(() => reader.end())
  await reader.query('begin; select count(*) from members')
  let waits = (): void => undefined
  const waiting = new Promise<void>((resolve) => (waits = resolve))
  const removing = removeFeature(db, tokens, {
    onProgress: ({ type }) => {
      if (type === 'waiting') waits()
    },
  })
  await Promise.race([waiting, removing])
  const states = async () => (await readStatus(standby)).map(({ state, active }) => ({ state, active }))
  await expect.poll(states, { timeout: 20_000 }).toEqual([{ state: 'removing', active: null }])

  expect(await readStatus(db)).toMatchObject([{ state: 'removing', active: true }])
  expect(await checkHealth(standby)).toEqual([
    {
      ...{ feature: 'tokens', check: 'no run broke off', result: 'note' },
      found: ['it is in phase "watch", or broke off there: a standby does not know which, the primary does'],
    },
  ])
  const call = [
    { DATABASE_URL: replica.url },
    { cwd: await project({ 'kysely.config.ts': CONFIG, 'migrations/.keep': '' }) },
  ] as const
  const told = await unship(['status'], ...call)
  expect(told.out).toContain(
    'tokens: the removal is in phase "watch", or broke off there: a standby does not know which',
  )
  expect(told.out).not.toContain('migrate:latest')
  expect(await unship(['verify'], ...call)).toMatchObject({ code: 0 })

  await reader.query('rollback')
  expect((await removing).outcome).toBe('removed')
}, 60_000)
