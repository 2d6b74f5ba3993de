import { readFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { expect, test } from 'vitest'
import { apiReference } from '../scripts/api-reference.ts'

test('docs/api.md is what npm run docs writes', async () => {
  const file = new URL('../docs/api.md', import.meta.url)
  const config = await resolveConfig(file)
  expect(await readFile(file, 'utf8')).toBe(await format(await apiReference(), { ...config, parser: 'markdown' }))
}, 120_000)
