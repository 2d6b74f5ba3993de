import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Proxy } from '../faults/proxy.ts'
import { useDatabase } from '../support/database.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { readState } from '../support/life.ts'
import { readTraces } from '../support/refusal.ts'

const database = useDatabase({ template: 'demo' })

/** Runs kysely-ctl and sends its process a signal when it has sent such a statement. */
async function signalled(command: string, statement: RegExp, signal: NodeJS.Signals) {
  const url = database().ownerUrl
  const proxy = await Proxy.listen(url, { at: statement, position: 'during' })
  try {
    let child: ChildProcess | undefined
    const ending = kysely(command, { DATABASE_URL: proxy.through(url) }, { onStart: (c) => (child = c) })
    await proxy.stopped
    child?.kill(signal)
    return await ending
  } finally {
    await proxy.close()
  }
}

/** The server notices within half a second that its client has gone. */
async function sessionsGone() {
  const deadline = Date.now() + 10_000
  const left = `select pid from pg_stat_activity where datname = current_database() and application_name = 'kysely-unship'`
  while ((await database().query(left)).length > 0) {
    expect(Date.now()).toBeLessThan(deadline)
    await sleep(50)
  }
}

const COPY = /^create table "public"\."backup_program_partner_contacts"/
const BUILD = /^CREATE INDEX CONCURRENTLY/

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('in a removal ends the process and the statement, and leaves a state to go on from', async () => {
    const settings = { DATABASE_URL: database().ownerUrl }
    const before = await readState(database(), { dump: false })
    const { code } = await signalled('migrate:latest', COPY, signal)
    expect(code).not.toBe(0)
    await sessionsGone()
    const { runs, tables } = await readTraces(database())
    expect(runs).toEqual(['removal: running'])
    expect(tables.filter((t) => !t.startsWith('backup_'))).toEqual([])

    expect((await kysely('migrate:latest', settings)).code).toBe(0)
    expect((await readTraces(database())).runs).toEqual(['removal: aborted', 'removal: done'])
    const holder = await database().connect('admin')
    // an older snapshot holds the build up, so that the signal meets it at work
    await holder.query('begin isolation level repeatable read; select 1')
    const down = await signalled('migrate:down', BUILD, signal)
    expect(down.code).not.toBe(0)
    await sessionsGone()
    await holder.query('rollback')
    expect((await readTraces(database())).runs?.at(-1)).toBe('restore: running')

    expect((await kysely('migrate:down', settings)).code).toBe(0)
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await database().query('select from pg_index where not indisvalid')).toEqual([])
  }, 120_000)
})
