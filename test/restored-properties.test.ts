import { readFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { describe, expect, test } from 'vitest'
import { attachedVerdicts } from '../src/catalog/verdicts/attached.ts'
import { restoredProperties } from '../src/catalog/verdicts/document.ts'
import { catalogs } from '../src/catalog/verdicts/kinds.ts'
import { propertyVerdicts } from '../src/catalog/verdicts/properties.ts'
import { useSharedDatabase } from './support/database.ts'

test('docs/restored-properties.md is what npm run docs writes', async () => {
  const file = new URL('../docs/restored-properties.md', import.meta.url)
  const config = await resolveConfig(file)
  expect(await readFile(file, 'utf8')).toBe(await format(restoredProperties(), { ...config, parser: 'markdown' }))
})

describe('of this PostgreSQL', () => {
  const database = useSharedDatabase()

  test('each catalog that pg_depend can address has a verdict', async () => {
    await database().query(`
      create function addressable(catalog oid) returns boolean language plpgsql as $$
      begin
        perform pg_describe_object(catalog, 1, 0);
        return true;
      exception when others then return false;
      end $$`)
    const found = await database().query<{ name: string; addressable: boolean }>(`
      select relname::text as name, addressable(oid) from pg_class
      where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r' order by relname`)
    const missing = found.filter(
      ({ name, addressable }) => addressable && !(catalogs as readonly string[]).includes(name),
    )
    expect(missing).toEqual([])
    const known = new Set<string>([...catalogs, ...Object.keys(attachedVerdicts), ...Object.keys(propertyVerdicts)])
    expect(found.filter(({ name }) => !known.has(name))).toEqual([])
  })

  test('each column of the catalogs that describe what is restored has a verdict', async () => {
    for (const [catalog, columns] of Object.entries(propertyVerdicts)) {
      const found = await database().query<{ name: string }>(
        'select attname::text as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped',
        [`pg_catalog.${catalog}`],
      )
      expect(found.map(({ name }) => name).filter((name) => !(name in columns))).toEqual([])
    }
  })
})
