import type { FeatureDeclaration } from '../../feature.ts'
import type { Rehearsal } from '../../rehearse/rehearse.ts'

/** A rehearsal, and of what. */
export interface RehearsalReport {
  readonly migration: string
  readonly features: readonly FeatureDeclaration[]
  /** Where it comes from. */
  readonly schema: string
  readonly rowsFrom: 'none' | 'sample' | 'made up'
  readonly perTable: number
  readonly result: Rehearsal
}

/** What a rehearsal comes to. */
export interface Outcome {
  /** Exact, and nothing was left out that concerns the feature. */
  readonly proven: boolean
  /** Which of what was left out speaks of the feature or its host tables. */
  readonly concerning: ReadonlySet<number>
  readonly sentence: string
}

export function outcomeOf({ features, rowsFrom, result }: RehearsalReport): Outcome {
  const { verdict, leftOut, differences, error } = result
  const words = new Set(features.flatMap(namesOf))
  const concerning = new Set(
    leftOut.flatMap(({ what, sql }, n) =>
      [...`${what}\n${sql}`.matchAll(/[\p{L}\p{N}_$]+/gu)].some(([word]) => words.has(word)) ? [n] : [],
    ),
  )
  const rowless = rowsFrom === 'made up' && features.some((feature) => isRowless(feature, result.rows))
  const proven = verdict === 'exact' && concerning.size === 0 && !rowless
  return { proven, concerning, sentence: sentenceOf() }

  function sentenceOf(): string {
    switch (verdict) {
      case 'exact':
        if (rowless)
          return 'not proven: definitions came back as they were, but no row could be made up for tables of the feature'
        return concerning.size === 0
          ? 'exact: removed and restored, and everything is as it was'
          : 'not proven: what was there came back as it was, but some of what concerns the feature could not be loaded'
      case 'different':
        return `not exact: removed and restored, and ${String(differences.length)} ${differences.length === 1 ? 'thing differs' : 'things differ'}`
      case 'refused':
        return concerning.size === 0
          ? 'refused: the removal refuses, and nothing was changed'
          : 'refused, and nothing was changed; perhaps only because some of what concerns the feature could not be loaded'
      case 'failed':
        return error?.step === 'prepare'
          ? 'failed: a migration that is pending before it does not run'
          : `failed: the ${error?.step === 'down' ? 'restore' : 'removal'} broke off`
    }
  }
}

/** Whether none of a feature's tables and host tables was given a row; where it names none that is there, whether no table was. */
function isRowless({ tables = [], columns = {} }: FeatureDeclaration, rows: Rehearsal['rows']): boolean {
  const own = [...tables, ...Object.keys(columns)].map(lastPart)
  const all = Object.entries(rows)
  const ofFeature = all.filter(([table]) => own.includes(lastPart(table)))
  const made = ofFeature.length > 0 ? ofFeature : all
  return made.length > 0 && made.every(([, count]) => count === 0)
}

function namesOf(feature: FeatureDeclaration): string[] {
  const { tables = [], columns = {}, views = [], functions = [], indexes = [], types = [], sequences = [] } = feature
  return [...tables, ...Object.keys(columns), ...views, ...functions, ...indexes, ...types, ...sequences].map(lastPart)
}

/** Of a name as somebody wrote it: qualifiers, quotes and arguments vary. */
const lastPart = (name: string): string => name.replace(/\(.*$/s, '').replace(/^.*\./, '').replaceAll('"', '')
