import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { restoreFeature } from 'kysely-unship'
import { BACKUPS, LEFT_OF_THE_FEATURE } from '../../demo/queries.ts'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { unship } from '../cli/support.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { kysely, ROOT } from '../support/kysely-ctl.ts'
import { readTraces } from '../support/refusal.ts'
import { endBackends, failAfter } from './broken.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })

describe('the migration through kysely-ctl', () => {
  test('takes the feature out and puts it back', async () => {
    const before = await readState(database())
    const up = await kysely('migrate:latest', settings())
    expect(up).toMatchObject({ code: 0 })
    for (const line of [/partners +41 rows/, /audit entries +3 rows/, /payment data +1 row$/m, /corrections +0 rows/])
      expect(up.output).toMatch(line)

    expect(await database().query(LEFT_OF_THE_FEATURE)).toEqual(
      ['tables', 'columns', 'functions', 'views'].map((kind) => ({ kind, count: '0' })),
    )
    expect(
      await database().query(`
        select conname from pg_constraint where contype = 'f' and (
          confrelid::regclass::text ~ 'program_partner' or conrelid::regclass::text ~ 'program_partner')`),
    ).toEqual([])
    expect(await database().query(BACKUPS)).toMatchObject([
      { table: 'backup_legacy_program_partner_corrections', rows: '0' },
      { table: 'backup_program_partner_audit_log', rows: '3' },
      { table: 'backup_program_partner_contacts', rows: '41' },
      { table: 'backup_program_partner_subscriptions', rows: '0' },
    ])

    const again = await kysely('migrate:latest', settings())
    expect(again).toMatchObject({ code: 0 })

    const down = await kysely('migrate:down', settings())
    expect(down).toMatchObject({ code: 0 })
    expect(await readState(database())).toEqual(before)
  })

  test('takes a broken restore back by what unship status and verify name', async () => {
    const before = await readState(database())
    expect(await kysely('migrate:latest', settings())).toMatchObject({ code: 0 })
    // as a "down" that fails: Kysely keeps the migration on its record
    await expect(restoreFeature(database().db, programPartner, failAfter('fill'))).rejects.toThrow('of the caller')
    const wayOn = 'run kysely migrate:down again to finish it, or unship abort to take it back'
    expect((await unship(['status'], settings())).out).toContain(wayOn)
    expect((await unship(['verify'], settings())).out).toContain(wayOn)

    expect(await unship(['abort'], settings())).toMatchObject({ code: 0 })
    const away = ['removal: done', 'restore: aborted']
    expect(await readTraces(database())).toMatchObject({ onHosts: [], watches: [], runs: away })

    // it is away, and on record as applied
    expect(await kysely('migrate:latest', settings())).toMatchObject({ code: 0 })
    expect((await readTraces(database())).runs).toEqual(away)
    expect(await kysely('migrate:down', settings())).toMatchObject({ code: 0 })
    expect(await readState(database())).toEqual(before)
  }, 60_000)

  test("works under Kysely's default, in one transaction", async () => {
    const folder = await mkdtemp(join(ROOT, 'test', 'tmp-'))
    try {
      await writeFile(
        join(folder, 'kysely.config.ts'),
        `import { PostgresDialect } from 'kysely'
         import { defineConfig } from 'kysely-ctl'
         import { connectionPool } from 'kysely-unship'
         export default defineConfig({
           dialect: new PostgresDialect({ pool: () => connectionPool() }),
           migrations: { migrationFolder: ${JSON.stringify(join(ROOT, 'migrations'))} },
         })`,
      )
      const before = await readState(database())
      expect(await kysely('migrate:latest', settings(), { cwd: folder })).toMatchObject({ code: 0 })
      expect((await readTraces(database())).runs).toEqual(['removal: done'])
      expect(await kysely('migrate:down', settings(), { cwd: folder })).toMatchObject({ code: 0 })
      expect(await readState(database())).toEqual(before)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('tells what to do when its connection is lost', async () => {
    const before = await readState(database(), { dump: false })
    const holder = await database().connect()
    await holder.query('begin; select count(*) from contacts')
    let ending: Promise<void> | undefined
    const { code, output } = await kysely('migrate:latest', settings(), {
      onOutput: (text) => {
        if (text.includes('waiting for locks')) ending ??= endBackends(database())
      },
    })
    await ending
    await holder.query('rollback')
    expect(code).toBe(1)
    expect(output).toContain('the connection to the server was lost in the removal of feature program_partner')
    expect(output).toMatch(/HINT: {2}Run the same command again/)
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await kysely('migrate:latest', settings())).toMatchObject({ code: 0 })
    expect((await readTraces(database())).runs?.at(-1)).toBe('removal: done')
  })

  test('shows a refusal in full and ends with 1', async () => {
    await database().query('create table backup_program_partner_contacts (id int)')
    const { code, output } = await kysely('migrate:latest', settings())
    expect(code).toBe(1)
    expect(output).toContain('backup_program_partner_contacts already exists')
    expect(output).toContain('DETAIL:')
    expect(output).toContain('HINT:')
  })
})

describe('kysely-ctl without a database', () => {
  test('without connection settings it fails and says which', async () => {
    const { code, output } = await kysely('migrate:latest', {})
    expect(code).toBe(1)
    expect(output).toContain('DATABASE_URL')
    expect(output).toContain('HINT:')
  })

  test('without a server it fails and says where', async () => {
    const { code, output } = await kysely('migrate:latest', { DATABASE_URL: 'postgres://crm:secret@127.0.0.1:1/crm' })
    expect(code).toBe(1)
    expect(output).toContain('cannot connect to the server at "127.0.0.1", port 1: connection refused')
    expect(output).toContain('HINT:')
    expect(output).not.toContain('secret')
  })
})
