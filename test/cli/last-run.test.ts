import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { CONFIG, json, migration, project, unship } from './support.ts'

const database = useDatabase()
const settings = () => ({ DATABASE_URL: database().ownerUrl })

const createHost = () =>
  database().query('create table h (id uuid primary key, a int, b int); alter table h owner to crm_owner')

test('without a name, what migrate:down undoes is meant, also where migrations run out of the order of names', async () => {
  await createHost()
  const cwd = await project({
    'kysely.config.ts': CONFIG.replace('disableTransactions', 'allowUnorderedMigrations: true, disableTransactions'),
    'migrations/2_b.ts': migration({ name: 'b', columns: { h: ['b'] } }),
  })
  expect(await kysely('migrate:latest', settings(), { cwd })).toMatchObject({ code: 0 })
  await writeFile(join(cwd, 'migrations/1_a.ts'), migration({ name: 'a', columns: { h: ['a'] } }))
  expect(await kysely('migrate:latest', settings(), { cwd })).toMatchObject({ code: 0 })

  expect(json(await unship(['plan', '--down', '--json'], settings(), { cwd })).feature).toBe('a')
  expect((await kysely('migrate:down', settings(), { cwd })).output).toContain('1_a')
}, 120_000)

test('of two features of the migration that was run last, one has to be named', async () => {
  await createHost()
  const cwd = await project({
    'kysely.config.ts': CONFIG,
    'migrations/1_two.ts': `
      import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
      export const a = defineFeature()({ name: 'a', columns: { h: ['a'] } })
      export const b = defineFeature()({ name: 'b', columns: { h: ['b'] } })
      export const up = async (db: any) => { await removeFeature(db, a); await removeFeature(db, b) }
      export const down = async (db: any) => { await restoreFeature(db, b); await restoreFeature(db, a) }`,
  })
  expect(await kysely('migrate:latest', settings(), { cwd })).toMatchObject({ code: 0 })
  for (const words of [['plan', '--down', '1_two'], ['notice']]) {
    const ended = await unship([...words, '--json'], settings(), { cwd })
    expect(ended.code).toBe(2)
    expect(json(ended).error).toMatchObject({ code: 'feature_ambiguous', detail: 'Run: a (1_two), b (1_two).' })
  }
  expect(json(await unship(['plan', '--down', 'a', '--json'], settings(), { cwd })).feature).toBe('a')
}, 120_000)
