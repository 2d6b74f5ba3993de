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
  const made = Object.values(result.rows)
  const rowless = rowsFrom === 'made up' && made.length > 0 && made.every((rows) => rows === 0)
  const proven = verdict === 'exact' && concerning.size === 0 && !rowless
  return { proven, concerning, sentence: sentenceOf() }

  function sentenceOf(): string {
    switch (verdict) {
      case 'exact':
        if (rowless) return 'not proven: definitions came back as they were, but no row could be made up'
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

/** The last part of each name: qualifiers, quotes and arguments vary. */
function namesOf(feature: FeatureDeclaration): string[] {
  const { tables = [], columns = {}, views = [], functions = [], indexes = [], types = [], sequences = [] } = feature
  return [...tables, ...Object.keys(columns), ...views, ...functions, ...indexes, ...types, ...sequences].map((name) =>
    name.replace(/\(.*$/s, '').replace(/^.*\./, '').replaceAll('"', ''),
  )
}
