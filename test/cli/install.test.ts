import { execFile, type ExecFileException } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { arch, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { ROOT } from '../support/kysely-ctl.ts'
import { pack } from './installed.ts'

const exec = promisify(execFile)

const SCHEMA = `
  create table customers (id int primary key, name text, loyalty_points int not null default 0, loyalty_since date);
  create table loyalty_bookings (id int primary key, customer_id int references customers, points int);
  create view loyal_customers as select name, loyalty_points from customers where loyalty_since is not null;
  insert into customers select n, 'c' || n, n * 10, date '2026-01-01' + n from generate_series(1, 5) n;
  insert into loyalty_bookings select n, n, n * 10 from generate_series(1, 5) n;
  alter table customers owner to crm_owner;
  alter table loyalty_bookings owner to crm_owner;
  alter view loyal_customers owner to crm_owner`

const TYPES = `
  export interface Database {
    customers: { id: number; name: string | null; loyalty_points: number; loyalty_since: Date | null }
    loyalty_bookings: { id: number; customer_id: number | null; points: number | null }
  }
  export interface Empty {}`

const TSCONFIG = JSON.stringify({
  // as strict as it gets: our declarations are checked too
  compilerOptions: {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2023',
    types: ['node'],
    allowImportingTsExtensions: true,
    exactOptionalPropertyTypes: true,
  },
  include: ['src', 'migrations', 'kysely.config.ts'],
})

const JS = {
  config: `
    import { defineConfig } from 'kysely-ctl'
    import { MigrationDialect, connectionPool } from 'kysely-unship'
    export default defineConfig({
      dialect: new MigrationDialect({ pool: () => connectionPool() }),
      migrations: { migrationFolder: 'migrations', allowJS: true, disableTransactions: true },
    })`,
  migration: `
    import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
    export const bookings = defineFeature()({ name: 'bookings', tables: ['loyalty_bookings'] })
    export const up = (db) => removeFeature(db, bookings)
    export const down = (db) => restoreFeature(db, bookings)`,
}

let folder: string
/** Why nothing could be installed. */
let offline: string | null = null

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

/** Two empty projects, in one folder: what npm installs is the same. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unship-'))
  const guide = await readFile(join(ROOT, 'docs', 'writing-a-removal.md'), 'utf8')
  const [config = '', migration = '', now = ''] = [...guide.matchAll(/^```ts\n([^]*?)^```$/gm)].map(
    ([, text]) => text ?? '',
  )
  await write({
    'package.json': '{ "name": "shop", "private": true, "type": "module" }',
    'ts/package.json': '{ "type": "module" }',
    'ts/kysely.config.ts': config,
    'ts/tsconfig.json': TSCONFIG,
    'ts/src/database.ts': TYPES,
    'ts/src/now.ts': `import type { Without } from 'kysely-unship'
      import type { loyalty } from '../migrations/1_remove_loyalty.ts'
      import type { Database } from './database.ts'
      ${now}
      export const left: DatabaseNow['customers'] = { id: 1, name: null }`,
    'ts/migrations/1_remove_loyalty.ts': migration,
    'js/kysely.config.js': JS.config,
    'js/migrations/1_remove_bookings.js': JS.migration,
  })
  const versions = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const names = ['kysely', 'kysely-ctl', 'pg', 'typescript', '@types/node', '@types/pg']
  const packages = names.map((name) => `${name}@${versions.devDependencies[name] ?? ''}`)
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  try {
    await exec('npm', ['install', ...options, await pack(folder), ...packages, NODE_22], { cwd: folder })
  } catch (error) {
    const said = String((error as ExecFileException).stderr)
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED/.test(said)) throw error
    offline = said
  }
}, 180_000)
afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** The programs of Node 22 alone, which the package \`node\` installs by a script. */
const NODE_22 = `node-${platform()}-${arch()}@22`
const nodes = {
  'Node 24': () => process.execPath,
  'Node 22': () => join(folder, 'node_modules', NODE_22.replace(/@22$/, ''), 'bin', 'node'),
}
const CLI = { kysely: 'kysely-ctl/dist/bin.mjs', unship: 'kysely-unship/dist/cli/main.js' }

async function run(node: string, project: string, command: keyof typeof CLI, words: string[], url: string) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|GITHUB|UNSHIP|NODE|TEST|VITEST)/.test(name))
  const env = { ...Object.fromEntries(inherited), DATABASE_URL: url, NO_COLOR: '1' }
  return await exec(node, [join(folder, 'node_modules', CLI[command]), ...words], { cwd: join(folder, project), env })
}

describe('installed into an empty project', () => {
  const database = useDatabase()

  test.for([
    { node: 'Node 24', project: 'ts', feature: 'loyalty', backups: 2 },
    { node: 'Node 22', project: 'ts', feature: 'loyalty', backups: 2 },
    { node: 'Node 22', project: 'js', feature: 'bookings', backups: 1 },
  ] as const)(
    'it plans, removes and restores: $node, $project',
    async ({ node, project, feature, backups }, { skip }) => {
      if (offline !== null) skip(offline)
      await database().query(SCHEMA)
      const all = (command: keyof typeof CLI, ...words: string[]) =>
        run(nodes[node](), project, command, words, database().ownerUrl)
      const plan: unknown = JSON.parse((await all('unship', 'plan', '--json')).stdout)
      expect(plan).toMatchObject({ feature, direction: 'removal' })
      await all('kysely', 'migrate:latest', '--no-outdated-check')
      const kept = await database().query(`select relname from pg_class where relname ~ '^backup_' and relkind = 'r'`)
      expect(kept).toHaveLength(backups)
      await all('kysely', 'migrate:down', '--no-outdated-check')
      const points =
        'select sum(loyalty_points + points)::int as points from customers join loyalty_bookings using (id)'
      expect(await database().query(points)).toEqual([{ points: 300 }])
    },
  )
})

test('the guide compiles, with our declarations checked', async ({ skip }) => {
  if (offline !== null) skip(offline)
  const tsc = join(folder, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = await exec(process.execPath, [tsc, '-p', join(folder, 'ts')]).catch(
    (error: unknown) => error as { stdout: string },
  )
  // kysely-ctl's own declarations speak of packages that it does not bring
  const errors = stdout.split('\n').filter((line) => line !== '' && !line.includes('node_modules/kysely-ctl/'))
  expect(errors).toEqual([])
}, 120_000)
