// Writes the documents that are made from code.
import { writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { restoredProperties } from '../src/catalog/verdicts/document.ts'
import { apiReference } from './api-reference.ts'

const documents = { 'restored-properties.md': restoredProperties(), 'api.md': await apiReference() }
for (const [name, text] of Object.entries(documents)) {
  const file = new URL(`../docs/${name}`, import.meta.url)
  const config = await resolveConfig(file)
  await writeFile(file, await format(text, { ...config, parser: 'markdown' }))
}
