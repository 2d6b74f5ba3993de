import { inspect } from 'node:util'
import { UnshipError } from '../errors.ts'
import type { RunOptions } from './options.ts'

/** Options that can work, with what holds where none are given. */
export type CheckedOptions = RunOptions & Required<Pick<RunOptions, Numeric>>

type Numeric = 'lockTimeoutMs' | 'lockAttempts' | 'batchMs'

/** Twice as many milliseconds, and the work under the locks, are a timeout that PostgreSQL takes. */
const MOST = 1_000_000_000

/**
 * A copy of a call's options, each read once; made before anything is asked of the database.
 *
 * @throws {UnshipError} `invalid_usage` for a number that the server would refuse in the middle of a run, or that is none:
 * NaN, as of a variable that is not set, is no limit, and a lag never below it. For what could not be called, never cancels, or is no text.
 */
export function checkedOptions<O extends RunOptions>(options: O): O & CheckedOptions {
  const given = { ...options }
  for (const name of ['onProgress', 'pauseWhile'] as const)
    if (given[name] !== undefined && typeof given[name] !== 'function')
      throw unusable(name, 'is not a function', given[name])
  if (given.signal !== undefined && !isSignal(given.signal))
    throw unusable('signal', 'is not an AbortSignal', given.signal)
  for (const name of ['actor', 'reason'] as const) checkText(name, given[name])
  return {
    ...given,
    lockTimeoutMs: count('lockTimeoutMs', given.lockTimeoutMs, 50),
    lockAttempts: count('lockAttempts', given.lockAttempts, 300),
    batchMs: count('batchMs', given.batchMs, 50),
    ...(given.maxReplicationLag !== undefined && { maxReplicationLag: lag(given.maxReplicationLag) }),
  }
}

function count(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !(value >= 1 && value <= MOST))
    throw unusable(name, `is not a number from 1 to ${String(MOST)}`, value)
  return Math.floor(value)
}

function checkText(name: string, value: unknown): void {
  if (value === undefined) return
  if (typeof value !== 'string') throw unusable(name, 'is not a text', value)
  if (value.includes('\0')) throw unusable(name, 'has a character that no text in PostgreSQL can have', value)
}

function lag(value: unknown): NonNullable<RunOptions['maxReplicationLag']> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unusable('maxReplicationLag', 'is not an object with bytes or ms', value)
  const limits: { bytes?: number; ms?: number } = {}
  for (const [name, limit] of Object.entries(value) as [string, unknown][]) {
    if (name !== 'bytes' && name !== 'ms')
      throw unusable('maxReplicationLag', `has "${name}", which is neither bytes nor ms`, limit)
    if (limit === undefined) continue
    if (typeof limit !== 'number' || !(limit >= 0))
      throw unusable(`maxReplicationLag.${name}`, 'is not a number from 0 on', limit)
    limits[name] = limit
  }
  return limits
}

/** By shape: there are signals of other makes. */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener, removeEventListener } = value as Partial<Record<keyof AbortSignal, unknown>>
  return typeof aborted === 'boolean' && [addEventListener, removeEventListener].every((f) => typeof f === 'function')
}

const unusable = (option: string, what: string, value: unknown) =>
  new UnshipError({
    code: 'invalid_usage',
    message: `option ${option} ${what}`,
    detail: `It is ${inspect(value, { depth: 0 })}.`,
    hint: 'Correct the call, or leave the option out; nothing has been done.',
  })
