// Writes the documents that are made from code.
import { writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { restoredProperties } from '../src/catalog/verdicts/document.ts'

const file = new URL('../docs/restored-properties.md', import.meta.url)
const config = await resolveConfig(file)
await writeFile(file, await format(restoredProperties(), { ...config, parser: 'markdown' }))
