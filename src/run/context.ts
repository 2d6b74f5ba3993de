import type { FeatureDeclaration } from '../feature.ts'
import type { Phase } from '../plan/plan.ts'
import { OTHER_SESSION } from '../sql-states.ts'
import type { CheckedOptions } from './checked-options.ts'
import type { PhaseReport, ProgressEvent } from './report.ts'
import { run, sqlState } from './query.ts'
import { demandSession, sessionChanged, throwIfCancelled, type Session } from './session.ts'

/** What every step of a run shares: its session, options, and what it has to report. */
export class RunContext {
  readonly session: Session
  readonly feature: string
  /** What the caller's declaration acknowledges, with names as the database has them. */
  readonly acknowledge: FeatureDeclaration['acknowledge']
  readonly options: CheckedOptions
  readonly phases: PhaseReport[] = []
  readonly warnings: string[] = []
  /** The step of a long statement that is being watched, and where it stood when it began. */
  watched: { readonly key: string; readonly since: number; readonly from: number } | undefined
  /** How long statements to come are expected to take, in ms: by their text. */
  readonly expectedMs = new Map<string, number>()
  /** The phase that runs, or ran last. */
  entered: Phase | undefined
  /** How long locks were held outside of phases, to take something back. */
  heldTakingBackMs = 0
  private readonly started = performance.now()

  constructor(session: Session, feature: Pick<FeatureDeclaration, 'name' | 'acknowledge'>, options: CheckedOptions) {
    this.session = session
    this.feature = feature.name
    this.acknowledge = feature.acknowledge
    this.options = options
  }

  get db() {
    return this.session.db
  }

  emit(event: ProgressEvent): void {
    this.options.onProgress?.(event)
  }

  warn(message: string): void {
    if (this.warnings.includes(message)) return
    this.warnings.push(message)
    this.emit({ type: 'warning', message })
  }

  /** Throws `cancelled` where the caller's signal says so; called between statements. */
  checkCancelled(): void {
    throwIfCancelled(this.options.signal)
  }

  /** Throws where a pooler has put another session in the place of the run's. */
  async checkSession(): Promise<void> {
    try {
      await run(this.db, demandSession(this.session))
    } catch (error) {
      throw sqlState(error) === OTHER_SESSION ? sessionChanged(error) : error
    }
  }

  /** Runs one phase, timed and told of. */
  async phase(phase: Phase, work: () => Promise<{ lockHeldMs: number; attempts: number } | null>): Promise<void> {
    this.checkCancelled()
    await this.checkSession()
    this.entered = phase
    this.emit({ type: 'phase started', phase })
    const start = performance.now()
    const held = await work()
    const report: PhaseReport = {
      phase,
      durationMs: performance.now() - start,
      lockHeldMs: held?.lockHeldMs ?? null,
      attempts: held?.attempts ?? 1,
    }
    this.phases.push(report)
    this.emit({ type: 'phase done', ...report })
  }

  get durationMs(): number {
    return performance.now() - this.started
  }

  get longestLockMs(): number {
    return Math.max(this.heldTakingBackMs, ...this.phases.map((p) => p.lockHeldMs ?? 0))
  }
}
