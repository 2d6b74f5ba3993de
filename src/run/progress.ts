import type { Phase } from '../plan/plan.ts'
import type { RunContext } from './context.ts'

/** Told of at most so often. */
const EVERY_MS = 200

/** Counts rows of one long piece of work, and tells rate and time left. */
export class Progress {
  private rows = 0
  private told = 0
  private readonly context: RunContext
  private readonly phase: Phase
  private readonly what: string
  private readonly totalRows: number
  private readonly started = performance.now()

  constructor(context: RunContext, phase: Phase, what: string, totalRows: number) {
    this.context = context
    this.phase = phase
    this.what = what
    this.totalRows = totalRows
  }

  advance(rows: number): void {
    this.rows += rows
    const now = performance.now()
    if (now - this.told < EVERY_MS) return
    this.told = now
    const rowsPerSecond = (this.rows / Math.max(1, now - this.started)) * 1000
    this.context.emit({
      type: 'progress',
      phase: this.phase,
      what: this.what,
      rows: this.rows,
      totalRows: this.totalRows,
      rowsPerSecond,
      remainingMs: rowsPerSecond > 0 ? (Math.max(0, this.totalRows - this.rows) / rowsPerSecond) * 1000 : null,
    })
  }
}
