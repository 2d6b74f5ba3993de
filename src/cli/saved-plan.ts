import { markdownWarning } from './render/plan-markdown.ts'
import { LOCKS_OF_OTHERS } from './render/sql.ts'
import { UnshipError } from '../errors.ts'
import type { RemovalReview } from '../plan/review/review.ts'
import { visibleLine, visibleSql } from '../visible.ts'

/** How a plan differs from one that was saved. */
export interface PlanDifference {
  /** Of the saved plan. */
  readonly fingerprint: string
  /** Statements that the saved plan does not have. */
  readonly added: readonly string[]
  /** Statements that only the saved plan has. */
  readonly missing: readonly string[]
  /** Warnings that the saved plan, as Markdown or JSON, does not have. */
  readonly warnings: readonly string[]
}

/** Compares a plan, or null where there is none any more, with one that `unship plan` wrote in any format. */
export function compareWithSaved(text: string, file: string, now: RemovalReview | null): PlanDifference {
  // as git may have checked it out
  const saved = text.replaceAll('\r\n', '\n')
  const fingerprint = /fingerprint\W+([0-9a-f]{64})\b/i.exec(saved)?.[1]
  if (fingerprint === undefined) throw unreadable(file, 'It has no fingerprint.')
  const json = saved.trimStart().startsWith('{') ? savedJson(saved, file) : null
  if (json?.direction === 'restore' || OF_A_RESTORE.test(saved))
    throw unreadable(file, 'It is the plan of a restore, which has the same fingerprint.')
  const same = { fingerprint, added: [], missing: [], warnings: now === null ? [] : newWarnings(saved, json, now) }
  if (now === null || now.fingerprint === fingerprint) return same
  const before = json ? jsonStatements(json) : savedStatements(saved)
  if (before.statements.size === 0) return same
  // SQL scripts hold the removal alone
  const present = [...now.statements, ...(before.withRestore ? now.restore : [])].map(({ sql, reason }) =>
    worded(sql, reason),
  )
  return {
    ...same,
    added: [...new Set(present.filter((sql) => !before.statements.has(sql)))],
    missing: [...before.statements].filter((sql) => !present.includes(sql)),
  }
}

/** How the restore's plan begins, as Markdown, as SQL and as text. */
const OF_A_RESTORE = /^(?:# Plan: restore|-- Restore of feature|Restoring) /

const unreadable = (file: string, detail: string) =>
  new UnshipError({
    code: 'plan_unreadable',
    message: `${file} is no plan of a removal`,
    detail,
    hint: 'Name a file that unship plan wrote without --down: Markdown, SQL or JSON.',
  })

type SavedJson = Pick<RemovalReview, 'statements' | 'restore' | 'hazards'> & {
  readonly direction: 'removal' | 'restore'
}

function savedJson(saved: string, file: string): SavedJson {
  const read = parsed(saved)
  const { direction, statements, restore = [], hazards = [] } = read ?? {}
  if (direction === undefined || ![statements, restore, hazards].every(Array.isArray))
    throw unreadable(file, 'It is cut off, or was changed: what begins as JSON is not the JSON of a plan.')
  return { direction, statements: statements ?? [], restore, hazards }
}

function parsed(text: string): Partial<SavedJson> | null {
  try {
    return JSON.parse(text) as Partial<SavedJson>
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** Plans as SQL or text hold none, or not in full, to compare with. Who is in the way at the moment is no matter of the plan. */
function newWarnings(saved: string, json: SavedJson | null, { hazards }: RemovalReview): string[] {
  const isKnown = json
    ? (message: string) => json.hazards.some((hazard) => hazard.message === message)
    : (message: string) => saved.includes(`\n- ${markdownWarning(message)}\n`)
  if (!json && !saved.startsWith('# ')) return []
  return hazards
    .filter(({ severity, code }) => severity === 'warning' && code !== 'locks held now')
    .map(({ message }) => message)
    .filter((message) => !isKnown(message))
}

/** A text that only the cut-over can know stands for itself by its reason. */
const worded = (sql: string, reason: string) =>
  sql.startsWith('--') ? `${visibleLine(reason)} ${sql}` : visibleSql(sql.trim())

interface SavedStatements {
  readonly statements: ReadonlySet<string>
  readonly withRestore: boolean
}

const jsonStatements = ({ statements, restore }: SavedJson): SavedStatements => ({
  statements: new Set([...statements, ...restore].map(({ sql, reason }) => worded(sql, reason))),
  withRestore: true,
})

function savedStatements(saved: string): SavedStatements {
  const blocks = [...saved.matchAll(/^(`{3,})sql\n([\s\S]*?)^\1$/gm)].map((match) => match[2] ?? '')
  const scripts = blocks.length > 0 ? blocks : [saved]
  return { statements: new Set(scripts.flatMap(numberedStatements)), withRestore: blocks.length > 1 }
}

/** What a statement's text does not go beyond. */
const ENDS = new RegExp(`^(?:commit;|-- phase .*|${LOCKS_OF_OTHERS})$`, 'm')

/** Each statement stands below a line `-- 12. reason (LOCK on table)`, up to the next one or the end of its transaction. */
function numberedStatements(script: string): string[] {
  const [, ...parts] = script.split(/^-- \d+\. (.*)$/m)
  const found: string[] = []
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const reason = (parts[i] ?? '').replace(/ \([A-Z ]+(?: on .*)?\)$/, '')
    const [text = ''] = (parts[i + 1] ?? '').split(ENDS, 1)
    found.push(worded(text.trim().replace(/;$/, '').trim(), reason))
  }
  return found
}
