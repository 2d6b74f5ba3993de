import type { RunOptions } from './options.ts'
import type { ProgressEvent } from './report.ts'

/**
 * Whoever listens to a run. What it throws ends the run; so does, from the next event on, what the promise of an async function was
 * rejected with: nobody else waits for that, and the process would end of it.
 */
export class Listener {
  private readonly onProgress: RunOptions['onProgress']
  private readonly pending = new Set<Promise<unknown>>()
  private failed: { readonly error: unknown } | undefined

  constructor(onProgress: RunOptions['onProgress']) {
    this.onProgress = onProgress
  }

  readonly tell = (event: ProgressEvent): void => {
    this.throwIfFailed()
    const returned: unknown = this.onProgress?.(event)
    const told: Promise<unknown> = Promise.resolve(returned)
      .catch((error: unknown) => {
        this.failed ??= { error }
      })
      .finally(() => this.pending.delete(told))
    this.pending.add(told)
  }

  /** Waits for what is still being told, at the end of a run. */
  async finish(): Promise<void> {
    await Promise.all(this.pending)
    this.throwIfFailed()
  }

  private throwIfFailed(): void {
    if (this.failed) throw this.failed.error
  }
}
