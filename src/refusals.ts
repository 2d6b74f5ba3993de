import { isUnshipError, NOTHING_CHANGED, UnshipError, type Suggestion } from './errors.ts'
import { merged } from './feature/extended.ts'

/** Runs several checks, and throws one error for all that they refuse with: the first one's, with the others added. */
export function refuseTogether(checks: readonly (() => void)[]): void {
  const errors = checks.flatMap((check) => {
    try {
      check()
      return []
    } catch (error) {
      if (isUnshipError(error)) return [error]
      throw error
    }
  })
  const [first, ...others] = errors
  if (first) throw others.reduce((all, other) => besides(all, other, 'Besides'), first)
}

/** An error that tells of another one too. */
export function besides(error: UnshipError, other: UnshipError, how: string): UnshipError {
  const { code, primary: message, suggestion } = error
  const said = sectionsOf(error)
  const more = sectionsOf(other, `${how}, ${other.primary}:`).flatMap((section) => unsaid(said, section))
  const hints = [error.hint, other.hint].filter((hint) => hint !== undefined && hint !== NOTHING_CHANGED)
  return new UnshipError({
    code,
    message,
    detail: [...said, ...more].flatMap(({ heading, lines }) => [...heading, ...lines]).join('\n'),
    hint: hints.length > 0 ? [...new Set(hints)].join('\n') : error.hint,
    suggestion: both(suggestion, other.suggestion),
    cause: error.cause,
  })
}

/** What is refused, and why. */
interface Section {
  readonly heading: readonly string[]
  readonly primary: string
  readonly lines: readonly string[]
}

const HEADING = /^(?:Besides|With that), (.*):$/

/** The detail of an error that tells of others too. */
function sectionsOf({ primary, detail }: UnshipError, ...heading: string[]): Section[] {
  const sections: (Section & { lines: string[] })[] = [{ heading, primary, lines: [] }]
  for (const line of detail?.split('\n') ?? []) {
    const [, also] = HEADING.exec(line) ?? []
    if (also !== undefined) sections.push({ heading: [line], primary: also, lines: [] })
    else sections.at(-1)?.lines.push(line)
  }
  return sections
}

/** A section without what is said already; none where nothing is left of it. */
function unsaid(said: readonly Section[], section: Section): Section[] {
  const same = said.filter(({ primary }) => primary === section.primary)
  if (same.length === 0) return [section]
  const lines = section.lines.filter((line) => !same.some((s) => s.lines.includes(line)))
  return lines.length > 0 ? [{ ...section, lines }] : []
}

/** What has to be acknowledged is left to a refusal of its own: pasted along unseen, it would say nothing. */
function both(first: Suggestion | undefined, second: Suggestion | undefined): Suggestion | undefined {
  if (!first || !second) return first ?? second
  const { acknowledge: _, ...names } = second
  return merged(first, names)
}
