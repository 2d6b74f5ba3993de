import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { programPartner } from '../migrations/1762603200000_remove_program_partner.ts'
import { UNSHIP_ERROR_CODES } from '../src/errors.ts'
import { useDatabase, type TestDatabase } from './support/database.ts'
import { readState } from './support/life.ts'

const runbook = readFileSync(new URL('../docs/runbook.md', import.meta.url), 'utf8')

const STATES = ['installed', 'removed', 'restored'] as const
type State = (typeof STATES)[number]

/** A ```sql block, with what its marks say of it. */
interface Block {
  readonly line: number
  readonly sql: string
  /** States in which the result is as expected; all of them where the block names none. */
  readonly when: readonly State[]
  /** `3 rows`, or the one row that comes, its columns divided by ` | `. */
  readonly expect: string | null
  /** Of a block that changes something. */
  readonly name: string | null
}

const blocks = [...runbook.matchAll(/^```sql\n([\s\S]*?)^```$/gm)].map((match): Block => {
  const sql = match[1] ?? ''
  const mark = (key: string) => new RegExp(`^-- ${key}: (.*)$`, 'm').exec(sql)?.[1] ?? null
  const line = runbook.slice(0, match.index).split('\n').length
  const when = mark('when')
  return {
    line,
    sql,
    when: when === null ? STATES : parseStates(when, line),
    expect: mark('expect'),
    name: mark('name'),
  }
})
const queries = blocks.flatMap((block) => (block.expect === null ? [] : [{ ...block, expect: block.expect }]))

function parseStates(text: string, line: number): State[] {
  return text.split(', ').map((word) => {
    const state = STATES.find((s) => s === word)
    if (!state) throw new Error(`docs/runbook.md:${line}: "${word}" is no state`)
    return state
  })
}

/** Brings the demo, in which the feature is installed, into a state. */
async function reach({ db }: TestDatabase, state: State): Promise<void> {
  if (state !== 'installed') await removeFeature(db, programPartner)
  if (state === 'restored') await restoreFeature(db, programPartner)
}

/** The last statement's rows as the server's texts. */
async function rowsOf(client: pg.Client, sql: string): Promise<(string | null)[][]> {
  const types = { getTypeParser: () => (text: string) => text }
  const result = await client.query<(string | null)[]>({ text: sql, rowMode: 'array', types } as pg.QueryArrayConfig)
  const results: pg.QueryArrayResult<(string | null)[]>[] = Array.isArray(result) ? result : [result]
  return results.at(-1)?.rows ?? []
}

const shown = (rows: readonly (readonly (string | null)[])[]) => rows.map((row) => row.map(String).join(' | '))

async function check(client: pg.Client, { expect: expected, sql, line }: (typeof queries)[number]): Promise<void> {
  const rows = shown(await rowsOf(client, sql))
  const count = /^(\d+) rows?$/.exec(expected)?.[1]
  if (count === undefined) expect(rows, `docs/runbook.md:${line}`).toEqual([expected])
  else expect(rows, `docs/runbook.md:${line}`).toHaveLength(Number(count))
}

/** A block by its name. */
function named(name: string): string {
  const block = blocks.find((b) => b.name === name)
  if (!block) throw new Error(`the runbook has no block "${name}"`)
  return block.sql
}

test('every block is marked', () => {
  expect(blocks.filter((b) => b.expect === null && b.name === null).map((b) => b.line)).toEqual([])
  expect(new Set(queries.flatMap((q) => q.when))).toEqual(new Set(STATES))
})

test('every error code has an entry, and every entry a code', () => {
  const entries = [...runbook.matchAll(/^#### `(\w+)`$/gm)].map((match) => match[1])
  expect(entries.sort()).toEqual([...UNSHIP_ERROR_CODES].sort())
})

test('every link within the page leads to a heading', () => {
  const anchors = [...runbook.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
  const links = [...runbook.matchAll(/\]\(#([^)]*)\)/g)].map((match) => match[1])
  expect(links.filter((link) => !anchors.includes(link ?? ''))).toEqual([])
})

describe('the queries', () => {
  const database = useDatabase({ template: 'demo' })

  test.each(STATES)('return what they say, with the feature %s', async (state) => {
    await reach(database(), state)
    for (const query of queries.filter((q) => q.when.includes(state))) await check(await database().connect(), query)
  })
})

describe('the changes', () => {
  const database = useDatabase({ template: 'demo' })

  test('restore by hand brings everything back, and the removal can be run again', async () => {
    const before = await readState(database())
    await reach(database(), 'removed')
    const owner = await database().connect()
    await owner.query(named('restore by hand'))

    expect(await readState(database())).toEqual(before)
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('absent')
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
    expect(await readState(database())).toEqual(before)
  })

  test('archived backups are not restored from before they have their names back', async () => {
    await reach(database(), 'removed')
    const owner = await database().connect()
    await owner.query(named('archive'))
    await expect(restoreFeature(database().db, programPartner)).rejects.toMatchObject({ code: 'backup_changed' })
    await owner.query(named('back from the archive'))
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
  })

  test('dropped backups are gone, and that is recorded', async () => {
    await reach(database(), 'removed')
    const owner = await database().connect()
    await owner.query(named('drop the backups'))
    expect(await database().query(`select relname from pg_class where relname ~ '^backup_.*partner'`)).toEqual([])
    expect(await database().query(`select run_id::int from unship.events where event = 'backups dropped'`)).toEqual([
      { run_id: 1 },
    ])
  })

  test('members come from the backups', async () => {
    await reach(database(), 'removed')
    const owner = await database().connect()
    await owner.query(named('members'))
    expect(await rowsOf(owner, 'select status, count(*) from members group by status')).toEqual([['active', '41']])
  })

  test('a backup from which a person was erased is restored after it has been sealed again', async () => {
    await reach(database(), 'removed')
    const owner = await database().connect()
    await owner.query('delete from backup_program_partner_contacts where payment_method is not null')
    await expect(restoreFeature(database().db, programPartner)).rejects.toMatchObject({ code: 'backup_changed' })
    expect(await rowsOf(await database().connect(), named('seals'))).toHaveLength(1)
    await owner.query(named('seal again'))
    expect((await restoreFeature(database().db, programPartner)).hosts[0]).toMatchObject({ restored: 40 })
  })

  test('a publication of all tables gives way to one by name', async () => {
    await database().query('create publication everything for all tables')
    await expect(removeFeature(database().db, programPartner)).rejects.toMatchObject({ code: 'not_restorable' })
    await database().query(named('publication by name'))
    const published = 'select tablename from pg_publication_tables where pubname = $1 order by 1'
    expect(await database().query(published, ['everything_by_name'])).toEqual(
      await database().query(published, ['everything']),
    )
    await database().query('drop publication everything')
  })

  test('a table in the way of a backup is renamed, not dropped', async () => {
    const owner = await database().connect()
    await owner.query('create table backup_program_partner_contacts as select * from contacts')
    await expect(removeFeature(database().db, programPartner)).rejects.toMatchObject({ code: 'backup_exists' })
    await owner.query(named('out of the way'))
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
  })

  test('the restored rows equal the archives', async () => {
    await reach(database(), 'removed')
    const { retired } = await restoreFeature(database().db, programPartner)
    const sql = named('compare with the archives').replace(
      /archive_(\w+?)_\d{4}_\d\d_\d\d_\d{6}/g,
      (name, of: string) => {
        return retired.find(({ backup }) => backup === `backup_${of}`)?.became ?? name
      },
    )
    const owner = await database().connect()
    expect(await rowsOf(owner, sql)).toEqual([['0', '0']])
    await owner.query(`update contacts set payment_method = 'cash' where payment_method is not null`)
    expect(await rowsOf(owner, sql)).toEqual([['1', '0']])
  })
})
