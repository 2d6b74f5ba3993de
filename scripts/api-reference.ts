import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Application, type TypeDocOptions } from 'typedoc'
import type { PluginOptions } from 'typedoc-plugin-markdown'

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))

const OPTIONS: TypeDocOptions & PluginOptions = {
  entryPoints: [path('src/index.ts')],
  tsconfig: path('tsconfig.build.json'),
  plugin: ['typedoc-plugin-markdown'],
  name: 'kysely-unship',
  readme: 'none',
  // lines of sources change with every commit
  disableSources: true,
  disableGit: true,
  excludeExternals: true,
  excludePrivate: true,
  // types that are used and not exported are no part of what others may rely on
  validation: {
    notExported: false,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    unusedMergeModuleWith: true,
  },
  treatValidationWarningsAsErrors: true,
  logLevel: 'Warn',
  kindSortOrder: ['Function', 'Class', 'Interface', 'TypeAlias', 'Variable'],
  groupOrder: ['Functions', 'Classes', 'Interfaces', 'Type Aliases'],
  router: 'module',
  cleanOutputDir: false,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  expandObjects: false,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  propertyMembersFormat: 'table',
}

const HEAD = `# The library

What \`kysely-unship\` exports, generated from its docstrings by \`npm run docs\`. How the calls are used:
[writing-a-removal.md](writing-a-removal.md) and the README.
`

/** The library's reference in Markdown, from the docstrings of what `src/index.ts` exports. */
export async function apiReference(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'unship-api-'))
  try {
    const app = await Application.bootstrapWithPlugins({ ...OPTIONS, outputs: [{ name: 'markdown', path: folder }] })
    const project = await app.convert()
    if (!project) throw new Error('src/index.ts does not compile')
    app.validate(project)
    await app.generateOutputs(project)
    if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('the docstrings have errors, see above')
    const text = await readFile(join(folder, 'README.md'), 'utf8')
    return text.replace(/^# .*\n/, HEAD)
  } finally {
    await rm(folder, { recursive: true })
  }
}
