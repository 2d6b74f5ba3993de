import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { planRemoval, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { describeBlocker } from '../../src/run/blockers.ts'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'pay', columns: { contacts: ['pay'] }, tables: ['payments'], views: ['paid'] }

describe('reading the catalog while a migration alters what is read', () => {
  const database = useDatabase()
  beforeEach(() =>
    asOwner(
      database(),
      `create table contacts (id int primary key, pay text);
       create table payments (id int primary key, contact int references contacts, amount int default 1 check (amount > 0));
       create view paid as select c.id, c.pay from contacts c;`,
    ),
  )

  async function migrating() {
    const migration = await database().connect('crm_owner')
    const [{ pid } = { pid: 0 }] = (await migration.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
    return { migration, pid: `pid ${String(pid)},` }
  }

  test("a plan ends nobody's migration with a deadlock", async () => {
    await database().query(`alter database ${database().name} set deadlock_timeout = '2s'`)
    const { migration } = await migrating()
    await migration.query('begin; alter table payments add column note text')
    const over = new AbortController()
    const planning = planRemoval(database().db, feature)
      .catch((error: unknown) => error)
      .finally(() => {
        over.abort()
      })
    // it ends, or has waited for as long as it takes to look for a deadlock: the next to look is the migration
    await sleep(3_000, undefined, { signal: over.signal }).catch(() => undefined)
    const altered = migration.query('alter table contacts add column note text; commit').then(
      () => 'altered',
      (error: unknown) => String(error),
    )
    expect(await altered).toBe('altered')
    expect(await planning).toMatchObject({ absent: false })
  })

  test('a plan says who keeps what it reads locked, in the end', async () => {
    const { migration, pid } = await migrating()
    await migration.query('begin; alter table contacts add column note text')
    const { detail, message } = await refusal('locked', planRemoval(database().db, feature))
    await migration.query('rollback')
    expect(message).toContain('could not read the definitions that feature pay concerns')
    expect(detail).toContain(pid)
    expect(detail).toContain('holds public.contacts')
  })

  test('a removal and a restore say whom they wait for, and go on when it is gone', async () => {
    const { migration, pid } = await migrating()
    for (const run of [removeFeature, restoreFeature]) {
      await migration.query('begin; alter table contacts alter column id set statistics 7; lock contacts')
      const told: string[] = []
      let ended: Promise<unknown> | undefined
      const onProgress = (event: ProgressEvent) => {
        if (event.type !== 'waiting') return
        expect(event.phase).toBe('inspect')
        told.push(...event.blockers.map(describeBlocker))
        ended ??= migration.query('rollback')
      }
      await run(database().db, feature, { onProgress })
      await ended
      expect(told.join('\n')).toContain(pid)
    }
  })

  test('in a transaction there is one attempt, and the transaction can go on', async () => {
    const { migration, pid } = await migrating()
    await migration.query('begin; lock contacts')
    await database()
      .db.transaction()
      .execute(async (transaction) => {
        const { detail } = await refusal('locked', planRemoval(transaction, feature))
        expect(detail).toContain('1 attempt')
        expect(detail).toContain(pid)
        await migration.query('rollback')
        expect(await planRemoval(transaction, feature)).toMatchObject({ absent: false })
      })
  })

  test('a partition that somebody keeps locked is told of, and not waited for', async () => {
    const { migration, pid } = await migrating()
    await asOwner(
      database(),
      `create table visits (id int, pay text, primary key (id)) partition by range (id);
       create table early partition of visits for values from (0) to (9)`,
    )
    const { db } = database()
    await migration.query('begin; lock early')
    const visits = { name: 'visits', columns: { visits: ['pay'] } }
    const { detail } = await refusal('locked', removeFeature(db, visits, { lockAttempts: 2 }))
    await migration.query('rollback')
    expect(detail).toContain(pid)
    expect(detail).toContain('holds public.early')
  })
})
