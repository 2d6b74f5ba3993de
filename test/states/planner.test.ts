import { describe, expect, test } from 'vitest'
import { checkHealth, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'

describe('whatever the planner does', () => {
  const database = useDatabase({ template: 'demo' })

  // a function that takes no table may be asked of one, where what leaves tables out is joined later
  test.each([
    ['as it comes, of a catalog that has been analyzed', []],
    ['without hash joins', ['enable_hashjoin']],
    ['without nested loops', ['enable_nestloop']],
    ['without indexes', ['enable_indexscan', 'enable_indexonlyscan', 'enable_bitmapscan']],
    ['without sequential scans', ['enable_seqscan', 'enable_hashjoin']],
    ['without hashes and sorts', ['enable_hashagg', 'enable_sort', 'enable_hashjoin']],
    ['without keeping what it has read', ['enable_material', 'enable_memoize']],
  ])('%s', async (_, off) => {
    const { name } = database()
    for (const setting of off) await database().query(`alter database ${name} set ${setting} = off`)
    await database().query('vacuum analyze')
    const before = await readState(database(), { dump: false })
    expect(await removeFeature(database().db, programPartner)).toMatchObject({ outcome: 'removed', warnings: [] })
    expect((await checkHealth(database().db)).filter(({ result }) => result === 'problem')).toEqual([])
    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })
})
