import { bare } from '../../console/format.ts'
import type { RemovalReview } from '../../plan/review/review.ts'
import type { ReviewUnit } from '../../plan/review/review-objects.ts'
import { groupOf, partsOf } from './words.ts'
import { visibleLine } from '../../visible.ts'

/** More units than this are drawn as one node for each kind. */
const MOST_UNITS = 40
/** So many boxes stand beside each other; more of one kind stand below each other, for a page is scrolled downwards. */
const MOST_ABREAST = 8
const MOST_COLUMNS = 6
const MOST_NAMES = 8

type Graph = Pick<RemovalReview, 'units' | 'dependencies'>

/**
 * The dependency graph, from what goes first to what goes last: a box for each
 * kind, an arrow to what something needs, a dotted one to what its text only mentions. Foreign keys among
 * moved tables are left out.
 */
export function mermaid({ units, dependencies }: Graph): string {
  const groups = [...new Set(units.map(groupOf))]
  const small = units.length <= MOST_UNITS
  const node = new Map(
    units.map((unit, n) => [unit.name, small ? `n${String(n)}` : `k${String(groups.indexOf(groupOf(unit)))}`]),
  )
  const widest = Math.max(0, ...groups.map((group) => units.filter((unit) => groupOf(unit) === group).length))
  const lines = [small && widest > MOST_ABREAST ? 'flowchart LR' : 'flowchart TD']
  groups.forEach((group, g) => {
    const own = units.filter((unit) => groupOf(unit) === group)
    lines.push(`  subgraph g${String(g)}["${String(g + 1)}. ${label([heading(group)])}"]`)
    if (small) for (const unit of own) lines.push(`    ${node.get(unit.name) ?? ''}["${unitLabel(unit)}"]`)
    else
      lines.push(
        `    k${String(g)}["${label(
          shortened(
            own.map((unit) => unit.name),
            MOST_NAMES,
          ),
        )}"]`,
      )
    lines.push('  end')
  })
  const tables = new Set(units.flatMap((unit) => (groupOf(unit) === 'tables' ? [unit.name] : [])))
  const edges = dependencies.flatMap(({ from, to, how }) => {
    // tables are renamed at once: a chain of foreign keys would draw the picture out, and says nothing of the order
    if (tables.has(from) && tables.has(to)) return []
    const a = node.get(from)
    const b = node.get(to)
    return a !== undefined && b !== undefined && a !== b ? [`  ${a} ${how === 'mentions' ? '-.->' : '-->'} ${b}`] : []
  })
  lines.push(...new Set(edges))
  // keeps the boxes in the order in which they go
  for (let g = 1; g < groups.length; g++) lines.push(`  g${String(g - 1)} ~~~ g${String(g)}`)
  return lines.join('\n')
}

const heading = (group: string) =>
  group === 'tables' ? 'tables, renamed' : ['columns', 'parts'].includes(group) ? `${group} of tables that stay` : group

function unitLabel(unit: ReviewUnit): string {
  const parts = partsOf(unit)
  return label([unit.name, ...shortened(unit.columns, MOST_COLUMNS), ...(parts === '' ? [] : [`with ${parts}`])])
}

const shortened = (names: readonly string[], most: number): string[] =>
  names.length <= most ? [...names] : [...names.slice(0, most - 1), `and ${bare(names.length - most + 1)} more`]

/** Mermaid's own entities, since names may hold anything. */
const label = (lines: readonly string[]): string =>
  lines
    .map((line) =>
      visibleLine(line)
        .replaceAll('#', '#35;')
        .replaceAll('&', '#amp;')
        .replaceAll('"', '#quot;')
        .replaceAll('<', '#lt;')
        .replaceAll('>', '#gt;')
        .replaceAll('`', '#96;')
        .replaceAll(/[\n\r]/g, ' '),
    )
    .join('<br/>')
