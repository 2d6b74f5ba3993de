import { bare, count, oneLine } from '../../console/format.ts'
import { block, code, escaped, folded, list } from '../../console/markdown.ts'
import type { Screen } from '../screen.ts'
import type { Outcome, RehearsalReport } from './rehearsal-report.ts'

const WIDTH = 200
/** So many differences, or left-out entries, are shown; JSON has all. */
const MOST = 30

/** What a rehearsal does not show, whatever its verdict. */
const LIMITS =
  'All ran as a role that may act as every other, and alone: rights, the locks of other sessions, and how long it takes are not shown.'

/** For a terminal. */
export function rehearsalAsText(
  report: RehearsalReport,
  outcome: Outcome,
  style: Pick<Screen, 'bold' | 'dim'>,
): string {
  const { migration, result } = report
  return [
    `${style.bold(`Rehearsal of ${migration}`)} on PostgreSQL ${result.serverVersion}`,
    outcome.sentence,
    ...section(style.bold('What was compared'), facts(report)),
    ...(result.error ? section(style.bold('The error'), result.error.message.split('\n')) : []),
    ...section(style.bold('What differs'), most(result.differences.map((d) => oneLine(d, WIDTH)))),
    ...section(style.bold('Could not be loaded'), most(leftOut(report, outcome))),
    style.dim(LIMITS),
  ].join('\n\n')
}

/** For a pull request. */
export function rehearsalAsMarkdown(report: RehearsalReport, outcome: Outcome): string {
  const { migration, result } = report
  return [
    `## Rehearsal of ${code(migration)}: ${outcome.proven ? 'exact' : result.verdict === 'exact' ? 'not proven' : result.verdict}`,
    `On PostgreSQL ${escaped(result.serverVersion)}. ${escaped(`${outcome.sentence.slice(0, 1).toUpperCase()}${outcome.sentence.slice(1)}`)}.`,
    list(facts(report).map(escaped)),
    ...(result.error ? [block('', result.error.message)] : []),
    ...(result.differences.length > 0
      ? [folded(`What differs (${bare(result.differences.length)})`, block('', most(result.differences).join('\n')))]
      : []),
    ...(result.leftOut.length > 0
      ? [
          folded(
            `Could not be loaded (${bare(result.leftOut.length)})`,
            list(most(leftOut(report, outcome)).map(escaped)),
          ),
        ]
      : []),
    escaped(LIMITS),
  ].join('\n\n')
}

function facts({ features, schema, rowsFrom, result }: RehearsalReport): string[] {
  const { rows, definitions, dumpCompared } = result
  const tables = Object.values(rows)
  const total = tables.reduce((sum, n) => sum + n, 0)
  const empty = Object.keys(rows).filter((name) => rows[name] === 0)
  return [
    `${features.length === 1 ? 'feature' : 'features'} ${features.map(({ name }) => name).join(', ')}`,
    `schema: ${schema}`,
    rowsFrom === 'none'
      ? 'rows: none; values are not proven'
      : `rows: ${count(total, 'row')} in ${count(tables.length, 'table')}, ${rowsFrom === 'sample' ? 'copied from the database' : 'made up'}`,
    ...(empty.length > 0 && rowsFrom !== 'none'
      ? [`without rows: ${empty.slice(0, MOST).join(', ')}; values are not proven there`]
      : []),
    `${count(definitions, 'definition')} of the catalog${dumpCompared ? ', and what pg_dump writes' : '; no pg_dump is here that reads this server'}`,
  ]
}

/** Those that concern the feature first. */
function leftOut({ result }: RehearsalReport, { concerning }: Outcome): string[] {
  const lines = result.leftOut.map(({ what, reason }, n) => ({
    concerns: concerning.has(n),
    line: `${what}: ${oneLine(reason, WIDTH)}`,
  }))
  const [own, others] = [lines.filter((l) => l.concerns), lines.filter((l) => !l.concerns)]
  return [
    ...own.map(({ line }) => `! ${line} (concerns the feature: not proven)`),
    ...others.map(({ line }) => `- ${line} (speaks of nothing that is declared)`),
  ]
}

const most = (lines: readonly string[]): string[] =>
  lines.length <= MOST ? [...lines] : [...lines.slice(0, MOST), `and ${bare(lines.length - MOST)} more; --json has all`]

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [[title, ...lines.map((line) => `  ${line}`)].join('\n')]
