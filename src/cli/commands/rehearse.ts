import { readFile } from 'node:fs/promises'
import { Kysely, PostgresDialect } from 'kysely'
import type { AnyKysely } from '../../any-kysely.ts'
import { connectionPool } from '../../connection.ts'
import { UnshipError } from '../../errors.ts'
import { dumpSchema } from '../../rehearse/dump-schema.ts'
import { rehearse, type RehearsalStep } from '../../rehearse/rehearse.ts'
import { featureArg, flag, text, type Arguments, type Command } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { loadProject } from '../project/config.ts'
import { withPluginsOf } from '../project/database.ts'
import type { FoundFeature } from '../project/migrations.ts'
import { nowhere } from '../project/nowhere.ts'
import { QueryWatch } from '../project/query-watch.ts'
import {
  assumedBefore,
  executedOf,
  provenOn,
  rehearsalOf,
  type Rehearsable,
  type Rehearsed,
} from '../project/rehearsal.ts'
import { selectFeature } from '../project/select.ts'
import { rehearsalAsMarkdown, rehearsalAsText } from '../render/rehearsal.ts'
import { outcomeOf, type RehearsalReport } from '../render/rehearsal-report.ts'
import type { Screen } from '../screen.ts'

export const rehearseCommand: Command = {
  name: 'rehearse',
  summary: 'Run removal and restore on a throw-away PostgreSQL with your schema, and compare',
  args: {
    ...featureArg,
    schema: { type: 'string', valueHint: 'file', description: 'What pg_dump --schema-only wrote' },
    from: {
      type: 'string',
      valueHint: 'url',
      description: 'The database whose schema is dumped with pg_dump, or the name of the variable that holds its URL',
    },
    rows: { type: 'string', valueHint: 'n', description: 'Rows for each table, made up; 20 if not given' },
    sample: { type: 'boolean', description: 'Copy the rows from --from, with all that they refer to' },
    major: { type: 'string', valueHint: 'n', description: "PostgreSQL's major; that of the schema if not given" },
    format: {
      type: 'enum',
      options: ['text', 'markdown'],
      valueHint: 'text|markdown',
      description: 'For the terminal, or for a pull request',
    },
  },
  examples: [
    ['unship rehearse --schema schema.sql', 'without a connection to any database'],
    ['unship rehearse --from DATABASE_URL', 'with the schema of the database that the variable names'],
    ['unship rehearse --from DATABASE_URL --sample --rows 100', 'and with rows of it'],
    ['unship rehearse --schema schema.sql --format markdown', 'a report for a pull request'],
  ],
  async run({ args, screen }) {
    const asked = readArguments(args)
    const project = await loadProject({ config: text(args, 'config'), environment: text(args, 'environment') })
    // the project's .env may hold it
    const url = asked.from === undefined ? undefined : urlOf(asked.from)
    const { target, result } = await withPluginsOf(project, (plugins) =>
      run({ project, plugins }, { args, screen, url, ...asked }),
    )
    const report: RehearsalReport = {
      migration: target.migration,
      features: target.features,
      schema: asked.schema ?? 'pg_dump of --from',
      rowsFrom: asked.rows === 0 ? 'none' : asked.sample ? 'sample' : 'made up',
      perTable: asked.rows,
      result,
    }
    return show(report, text(args, 'format') ?? 'text', screen)
  },
}

interface Run extends Asked {
  readonly args: Arguments
  readonly screen: Screen
  readonly url: string | undefined
}

async function run(opened: Rehearsable, { args, screen, url, ...asked }: Run) {
  const target = url === undefined ? await withoutDatabase(opened, args) : await inDatabase(url, opened, args)
  const schema = asked.schema === undefined ? await dumpSchema(url ?? '') : await readSchema(asked.schema)
  const result = await withOutputAside(() =>
    rehearse({
      schema,
      rows: asked.rows === 0 ? undefined : { perTable: asked.rows, from: asked.sample ? url : undefined },
      major: asked.major,
      ...rehearsalOf(opened, target),
      onStep: (step) => {
        if (!screen.json) screen.printError(screen.dim(STEPS[step]))
      },
    }),
  )
  return { target, result }
}

const STEPS: Readonly<Record<RehearsalStep, string>> = {
  start: 'Starting a PostgreSQL server …',
  load: 'Loading the schema …',
  rows: 'Filling the tables …',
  prepare: 'Running what is pending before it …',
  up: 'Removing …',
  down: 'Restoring …',
  compare: 'Comparing …',
}

function show(report: RehearsalReport, format: string, screen: Screen): ExitCode {
  const outcome = outcomeOf(report)
  if (screen.json) {
    const { leftOut, ...result } = report.result
    screen.printJson({
      migration: report.migration,
      features: report.features.map(({ name }) => name),
      proven: outcome.proven,
      ...result,
      leftOut: leftOut.map(({ what, reason }, n) => ({ what, reason, concerns: outcome.concerning.has(n) })),
    })
  } else if (format === 'markdown') screen.print(rehearsalAsMarkdown(report, outcome))
  else screen.printFolded(rehearsalAsText(report, outcome, screen))
  return outcome.proven ? EXIT.ok : report.result.verdict === 'refused' ? EXIT.failed : EXIT.notProven
}

interface Asked {
  readonly schema: string | undefined
  readonly from: string | undefined
  readonly rows: number
  readonly sample: boolean
  readonly major: number | undefined
}

const ROWS = 20

function readArguments(args: Arguments): Asked {
  const schema = text(args, 'schema')
  const from = text(args, 'from')
  const sample = flag(args, 'sample')
  if (schema === undefined && from === undefined)
    throw wrong('no schema is named', 'Give --schema with what pg_dump --schema-only wrote, or --from with a database.')
  if (sample && from === undefined) throw wrong('--sample needs --from', 'Name the database that rows are copied from.')
  return {
    schema,
    from,
    rows: number(args, 'rows') ?? ROWS,
    sample,
    major: number(args, 'major'),
  }
}

const URL_HINT = 'Give postgres://user@host/database, or the name of a variable that holds it.'

/** A URL, or that of a variable: what stands on a command line is seen by others on the machine. */
function urlOf(from: string): string {
  const named = /^\w+$/.test(from)
  const url = named ? process.env[from] : from
  if (!url) throw wrong(`--from names the variable ${from}, which is not set`, URL_HINT)
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url))
    throw wrong(
      named
        ? `--from names the variable ${from}, which does not hold the URL of a PostgreSQL database`
        : '--from is not the URL of a PostgreSQL database',
      URL_HINT,
    )
  return url
}

function number(args: Arguments, name: string): number | undefined {
  const value = text(args, name)
  if (value === undefined) return undefined
  if (!/^\d{1,6}$/.test(value))
    throw wrong(`--${name} is "${value}", which is no number`, 'unship rehearse --help shows how it is used.')
  return Number(value)
}

const wrong = (message: string, hint: string) => new UnshipError({ code: 'invalid_usage', message, hint })

async function readSchema(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UnshipError({
      code: 'no_schema_dump',
      message: `cannot read the schema ${file}`,
      detail: error instanceof Error ? error.message : String(error),
      hint: 'Name a file that pg_dump --schema-only wrote.',
      cause: error,
    })
  })
}

const targetOf = (found: readonly FoundFeature[], { migration }: FoundFeature) => ({
  migration,
  features: found.filter((other) => other.migration === migration).map(({ feature }) => feature),
})

async function withoutDatabase(opened: Rehearsable, args: Arguments): Promise<Rehearsed> {
  const watch = new QueryWatch()
  const { migrations, features } = await provenOn(opened, { db: nowhere(watch.log), watch })
  const selected = selectFeature(features, text(args, 'feature'))
  const names = migrations.map(({ name }) => name)
  return { ...targetOf(features, selected), executed: assumedBefore(names, selected) }
}

async function inDatabase(url: string, opened: Rehearsable, args: Arguments): Promise<Rehearsed> {
  const watch = new QueryWatch()
  const db: AnyKysely = new Kysely({
    dialect: new PostgresDialect({ pool: () => connectionPool({ ...process.env, DATABASE_URL: url }) }),
    log: watch.log,
  })
  try {
    const { migrations, features } = await provenOn(opened, { db, watch })
    const selected = selectFeature(features, text(args, 'feature'))
    if (selected.executedAt !== null)
      throw new UnshipError({
        code: 'wrong_state',
        message: `migration ${selected.migration} was run in that database already`,
        detail: 'Its schema no longer has what the migration removes.',
        hint: 'Take a schema from before the removal: --schema file. unship plan --down shows the restore.',
      })
    return { ...targetOf(features, selected), executed: executedOf(migrations) }
  } finally {
    await db.destroy()
  }
}

/** What migrations print goes to standard error, and none of it into the summary of a job: it did not happen there. */
async function withOutputAside<T>(work: () => Promise<T>): Promise<T> {
  const { stdout, stderr, env } = process
  const write = stdout.write.bind(stdout)
  const summary = env.GITHUB_STEP_SUMMARY
  stdout.write = stderr.write.bind(stderr)
  delete env.GITHUB_STEP_SUMMARY
  try {
    return await work()
  } finally {
    stdout.write = write
    if (summary !== undefined) env.GITHUB_STEP_SUMMARY = summary
  }
}
