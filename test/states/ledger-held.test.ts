import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { describeBlocker } from '../../src/run/blockers.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'pay', columns: { contacts: ['pay'] } }
const RUNS = 'select from unship.runs for update'

/** As a tool that edits tables does, left open with manual commit. */
describe('somebody who keeps a row of the ledger locked', () => {
  const database = useDatabase()
  beforeEach(() =>
    asOwner(
      database(),
      `create table contacts (id int primary key, pay text);
       create index paid on contacts (pay);
       insert into contacts values (1, 'card')`,
    ),
  )

  async function edit() {
    const editor = await database().connect('crm_owner')
    const [{ pid } = { pid: 0 }] = (await editor.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
    return { editor, pid: `pid ${String(pid)},` }
  }

  test.each([
    ['a removal that enters a phase', removeFeature, "'phase verify'", RUNS, 'unship.runs'],
    ['a removal that begins a copy', removeFeature, 'with no data', RUNS, 'unship.runs'],
    ['the cut-over of a removal', removeFeature, "'cut over'", RUNS, 'unship.runs'],
    ['a restore that enters a phase', restoreFeature, "'phase build'", RUNS, 'unship.runs'],
    [
      'a restore that has built an index',
      restoreFeature,
      'CREATE INDEX CONCURRENTLY',
      'select from unship.statements for update',
      'unship.statements',
    ],
  ])('is told of by %s', async (_, work, text, locking, held) => {
    if (work === restoreFeature) await removeFeature(database().db, feature)
    const { editor, pid } = await edit()
    let ended: Promise<unknown> | undefined
    const onProgress = (event: ProgressEvent) => {
      if (event.type !== 'waiting') return
      const told = event.blockers.map(describeBlocker)
      if (told.some((line) => line.includes(pid) && line.includes(`holds ${held}`))) ended ??= editor.query('rollback')
    }
    await actingBefore(
      database(),
      text,
      () => editor.query(`begin; ${locking}`),
      async (db) => {
        await work(db, feature, { onProgress })
      },
      3,
    )
    expect(ended).toBeDefined()
    await ended
  })

  test('for all attempts is named, and the run goes on when it is gone', async () => {
    await removeFeature(database().db, feature)
    const { editor, pid } = await edit()
    const restoring = actingBefore(
      database(),
      "'phase build'",
      () => editor.query(`begin; ${RUNS}`),
      (db) => restoreFeature(db, feature, { lockAttempts: 3 }),
    )
    const { message, detail } = await refusal('locked', restoring)
    await editor.query('rollback')
    expect(message).toContain('could not write to the ledger')
    expect(detail).toContain(pid)
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })
})
