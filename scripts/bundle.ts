/** Writes `dist`'s JavaScript. A few files instead of hundreds: to find and open those took Node a fifth of a command's start. */
import { isAbsolute } from 'node:path'
import { build } from 'rolldown'

await build({
  input: { index: 'src/index.ts', 'cli/main': 'src/cli/main.ts' },
  platform: 'node',
  external: (name) => !name.startsWith('.') && !isAbsolute(name),
  output: { dir: 'dist', format: 'esm', sourcemap: true, chunkFileNames: 'shared.js' },
})
