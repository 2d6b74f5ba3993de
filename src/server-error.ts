import { withoutPasswords, withoutUrlPasswords } from './secrets.ts'

/** What pg gives of an error that the server reports. */
interface ServerError extends Error {
  readonly code: string
  readonly where?: string
  readonly routine?: string
}

/** Names and places: all that is kept besides the message. */
const KEPT = ['code', 'severity', 'schema', 'table', 'column', 'dataType', 'constraint', 'file', 'line', 'routine']

export const isServerError = (error: unknown): error is ServerError =>
  error instanceof Error &&
  'severity' in error &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^[0-9A-Z]{5}$/.test(error.code)

/**
 * The message of an error, without values of rows. Those of data exceptions quote what could not be read; those that the
 * application raises say what they like.
 */
export function messageWithoutValues(error: unknown): string {
  if (!isServerError(error)) {
    const text = error instanceof Error ? error.message : String(error)
    // ours may quote statements, which speak of passwords as they like
    return error instanceof Error && error.name === 'UnshipError' ? withoutUrlPasswords(text) : withoutPasswords(text)
  }
  if (error.code.startsWith('22')) return error.message.replace(/".*"/gs, '"..."')
  if (!error.code.startsWith('P0')) return error.message
  const by = /^PL\/pgSQL function .* line \d+ at \w+/m.exec(error.where ?? '')
  return `raised by ${by ? by[0] : 'the application'}; its message may hold values of rows and is left out`
}

/** An error as others may log it: DETAIL, HINT, CONTEXT and statements of the server's hold values of rows. */
export function withoutRowValues(error: unknown): unknown {
  if (!isServerError(error)) return error
  const message = messageWithoutValues(error)
  const copy = new Error(message)
  copy.name = error.name
  // a stack begins with the message
  copy.stack = `${error.name}: ${message}${/\n {4}at [^]*$/.exec(error.stack ?? '')?.[0] ?? ''}`
  const fields = Object.entries(error).filter(([name, value]) => KEPT.includes(name) && value !== undefined)
  return Object.assign(copy, Object.fromEntries(fields))
}
