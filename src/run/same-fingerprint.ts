import { UnshipError } from '../errors.ts'
import type { RunContext } from './context.ts'

/** Refuses to run another plan than the one that was reviewed, where the caller names it. */
export function demandFingerprint({ feature, options }: RunContext, found: string | null): void {
  if (options.fingerprint === undefined || options.fingerprint === found) return
  throw new UnshipError({
    code: 'plan_changed',
    message: `the plan for feature ${feature} is not the one that was reviewed`,
    detail: `Demanded fingerprint ${options.fingerprint}, found ${found ?? 'none'}.`,
    hint: 'Plan again, review what changed, and commit the new plan.',
  })
}
