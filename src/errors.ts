import { withoutRowValues } from './server-error.ts'
import { visibleLine, visibleLines } from './visible.ts'

/** Every code that an `UnshipError` can have. Each has an entry in `docs/runbook.md`. */
export const UNSHIP_ERROR_CODES = [
  'invalid_declaration',
  'no_connection_settings',
  'server_unreachable',
  'server_not_supported',
  'host_table_missing',
  'feature_incomplete',
  'name_spelling',
  'ambiguous_function',
  'no_usable_key',
  'backup_exists',
  'name_taken',
  'not_owner',
  'missing_privilege',
  'undeclared_dependents',
  'kept_trigger',
  'rewrite_not_acknowledged',
  'fill_value_missing',
  'not_restorable',
  'row_security',
  'lock_table_too_small',
  'locked',
  'busy',
  'backup_not_verified',
  'backup_changed',
  'nothing_to_abort',
  'wrong_state',
  'ledger_format',
  'not_restored_exactly',
  'rows_in_the_way',
  'plan_changed',
  'statement_failed',
  'cancelled',
  'no_embedded_server',
  'invalid_schema_dump',
  'no_schema_dump',
  'invalid_usage',
  'no_config',
  'no_migrations',
  'feature_not_found',
  'feature_ambiguous',
  'plan_unreadable',
  'not_archived',
  'data_loss',
  'backups_purged',
] as const

/** What went wrong, for programs. */
export type UnshipErrorCode = (typeof UNSHIP_ERROR_CODES)[number]

/** The fragment of a declaration that a refusal asks for; merge it and try again. */
export interface Suggestion {
  tables?: string[]
  columns?: Record<string, string[]>
  views?: string[]
  functions?: string[]
  indexes?: string[]
  types?: string[]
  sequences?: string[]
  statistics?: string[]
  constraints?: Record<string, string[]>
  triggers?: Record<string, string[]>
  policies?: Record<string, string[]>
  rules?: Record<string, string[]>
  acknowledge?: { rewrites?: Record<string, string[]>; triggers?: Record<string, string[]> }
}

export interface UnshipErrorFields {
  code: UnshipErrorCode
  /** One factual line, without a full stop, as PostgreSQL writes them. */
  message: string
  detail?: string | undefined
  hint?: string | undefined
  suggestion?: Suggestion | undefined
  /** Of an error of the server's, values of rows are left out. */
  cause?: unknown
}

/**
 * The one error that this package throws on purpose.
 *
 * `message` holds the primary line, `DETAIL:` and `HINT:`, as PostgreSQL
 * prints them, because kysely-ctl shows an error's message and nothing else.
 *
 * @example
 * try { await removeFeature(db, feature) }
 * catch (error) { if (error.code === 'undeclared_dependents') console.log(error.suggestion) }
 */
export class UnshipError extends Error {
  override readonly name = 'UnshipError'
  readonly code: UnshipErrorCode
  /** The message's first line alone. */
  readonly primary: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly suggestion: Suggestion | undefined

  constructor(fields: UnshipErrorFields) {
    super(compose(fields), fields.cause === undefined ? undefined : { cause: withoutRowValues(fields.cause) })
    this.code = fields.code
    this.primary = fields.message
    this.detail = fields.detail
    this.hint = fields.hint
    this.suggestion = fields.suggestion
    // the message says them: printing the error should not say them twice
    for (const field of ['primary', 'detail', 'hint', 'suggestion'] as const)
      Object.defineProperty(this, field, { enumerable: false })
  }
}

/** Whether a value is our error; by shape, since two copies of the package may be loaded. */
export function isUnshipError(value: unknown): value is UnshipError {
  return value instanceof Error && value.name === 'UnshipError'
}

/** The hint of a refusal that nothing can be done about. */
export const NOTHING_CHANGED = 'Nothing was changed.'

function compose({ message, detail, hint }: UnshipErrorFields): string {
  const lines = [visibleLine(message)]
  if (detail) lines.push(`DETAIL:  ${indent(visibleLines(detail))}`)
  if (hint) lines.push(`HINT:  ${indent(visibleLines(hint))}`)
  return lines.join('\n')
}

const indent = (text: string) => text.replaceAll('\n', '\n         ')
