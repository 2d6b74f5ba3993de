import { LOCKS_OF_OTHERS } from './render/sql.ts'
import { UnshipError } from '../errors.ts'
import type { RemovalReview } from '../plan/review.ts'
import { visibleLine, visibleSql } from '../visible.ts'

/** How a plan differs from one that was saved. */
export interface PlanDifference {
  /** Of the saved plan. */
  readonly fingerprint: string
  /** Statements that the saved plan does not have. */
  readonly added: readonly string[]
  /** Statements that only the saved plan has. */
  readonly missing: readonly string[]
}

/** Compares a plan, or null where there is none any more, with one that `unship plan` wrote in any format. */
export function compareWithSaved(saved: string, file: string, now: RemovalReview | null): PlanDifference {
  const fingerprint = /fingerprint\W+([0-9a-f]{64})\b/i.exec(saved)?.[1]
  if (fingerprint === undefined)
    throw new UnshipError({
      code: 'plan_unreadable',
      message: `${file} is no plan`,
      detail: 'It has no fingerprint.',
      hint: 'Name a file that unship plan wrote: Markdown, SQL or JSON.',
    })
  if (now === null || now.fingerprint === fingerprint) return { fingerprint, added: [], missing: [] }
  const before = savedStatements(saved)
  if (before.statements.size === 0) return { fingerprint, added: [], missing: [] }
  // SQL scripts hold the removal alone
  const present = [...now.statements, ...(before.withRestore ? now.restore : [])].map(({ sql, reason }) =>
    worded(sql, reason),
  )
  return {
    fingerprint,
    added: [...new Set(present.filter((sql) => !before.statements.has(sql)))],
    missing: [...before.statements].filter((sql) => !present.includes(sql)),
  }
}

/** A text that only the cut-over can know stands for itself by its reason. */
const worded = (sql: string, reason: string) =>
  sql.startsWith('--') ? `${visibleLine(reason)} ${sql}` : visibleSql(sql.trim())

function savedStatements(saved: string): { statements: Set<string>; withRestore: boolean } {
  if (saved.trimStart().startsWith('{')) {
    const { statements = [], restore = [] } = JSON.parse(saved) as Partial<RemovalReview>
    const all = [...statements, ...restore].map(({ sql, reason }) => worded(sql, reason))
    return { statements: new Set(all), withRestore: true }
  }
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
