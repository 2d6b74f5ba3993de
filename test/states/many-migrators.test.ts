import { describe, expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { readState } from '../support/life.ts'

describe('several pipelines that migrate at once', () => {
  const database = useDatabase({ template: 'demo' })

  test('one does the work, the others find it done; no index build deadlocks with one that waits', async () => {
    const settings = { DATABASE_URL: database().ownerUrl }
    const before = await readState(database())
    const atOnce = (command: string) => Promise.all(Array.from({ length: 4 }, () => kysely(command, settings)))

    const up = await atOnce('migrate:latest')
    expect(up.map((run) => [run.code, run.code === 0 ? '' : run.output])).toEqual(Array(4).fill([0, '']))
    expect(up.filter((run) => run.output.includes('Ran 1 migration'))).toHaveLength(1)

    const down = await atOnce('migrate:down')
    expect(down.map((run) => [run.code, run.code === 0 ? '' : run.output])).toEqual(Array(4).fill([0, '']))
    expect(down.filter((run) => run.output.includes('Undone 1 migration'))).toHaveLength(1)
    expect(await readState(database())).toEqual(before)
  }, 120_000)
})
