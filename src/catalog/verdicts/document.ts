import { attachedVerdicts } from './attached.ts'
import { kindVerdicts, nameOfKind, type Kind } from './kinds.ts'
import { propertyVerdicts } from './properties.ts'
import type { Verdict } from './verdict.ts'

const entries = <K extends string, V>(record: Readonly<Record<K, V>>) => Object.entries(record) as [K, V][]

const headings = {
  restored: 'Restored',
  moved: 'Moved as they are',
  refused: 'Refused',
  untouched: 'Not concerned',
} as const satisfies Record<Verdict['verdict'], string>

const row = (...cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`
const table = (head: readonly string[], rows: readonly string[]) => [
  row(...head),
  row(...head.map(() => '---')),
  ...rows,
]
const code = (text: string) => `\`${text}\``

/** `docs/restored-properties.md`. */
export function restoredProperties(): string {
  return [
    '# What is restored, and what is refused',
    '',
    'Every kind of object that PostgreSQL 14 to 18 has, and what becomes of it when it is part of a feature or depends on',
    'one. Written by `npm run docs` from `src/catalog/verdicts/`, where the compiler demands a verdict for each.',
    '',
    '- **Restored**: dropped by the removal, created again by the restore, and compared with what it was.',
    '- **Moved as they are**: renamed by the removal and renamed back.',
    '- **Refused**: the removal is refused with this reason, before anything changes.',
    '- **Not concerned**: a removal neither changes them nor depends on them.',
    '',
    ...kinds(),
    '## Properties',
    '',
    'Column by column of the catalogs that describe what is restored. What no dump shows is left out.',
    '',
    ...entries(propertyVerdicts).flatMap(([catalog, columns]) => [
      `### ${catalog}`,
      '',
      ...table(['Columns', 'Verdict', 'How', 'Refused all the same'], grouped(columns)),
      '',
    ]),
    '## Parts of other objects',
    '',
    ...table(
      ['Catalog', 'Verdict', 'How'],
      entries<string, Verdict>(attachedVerdicts).map(([catalog, v]) => row(code(catalog), v.verdict, v.how)),
    ),
    '',
  ].join('\n')
}

function kinds(): string[] {
  const all = entries<Kind, Verdict>(kindVerdicts)
  return entries(headings).flatMap(([verdict, heading]) => {
    const rows = all.filter(([, v]) => v.verdict === verdict)
    const withExceptions = rows.some(([, v]) => v.except.length > 0)
    return [
      `## ${heading}`,
      '',
      ...table(
        ['Kind', 'Catalog', verdict === 'refused' || verdict === 'untouched' ? 'Why' : 'How'].concat(
          withExceptions ? ['Refused all the same'] : [],
        ),
        rows.map(([kind, v]) =>
          row(nameOfKind(kind), code(kind), v.how, ...(withExceptions ? [v.except.join('; ')] : [])),
        ),
      ),
      '',
    ]
  })
}

/** Columns that share a verdict in one row. */
function grouped(columns: Readonly<Record<string, Verdict>>): string[] {
  const groups = new Map<Verdict, string[]>()
  for (const [column, verdict] of entries(columns)) groups.set(verdict, [...(groups.get(verdict) ?? []), column])
  return [...groups]
    .filter(([v]) => !(v.verdict === 'untouched' && v.how.includes('no dump shows it')))
    .map(([v, names]) => row(names.map(code).join(', '), v.verdict, v.how, v.except.join('; ')))
}
