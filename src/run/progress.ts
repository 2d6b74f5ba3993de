import type { Phase } from '../plan/plan.ts'
import type { RunContext } from './context.ts'

/** Told of at most so often. */
const EVERY_MS = 200

/** What a row has cost counts for so much less with each batch that comes after it. */
const REMEMBERED = 0.7

/** What one connection spent on some rows. */
export interface Spent {
  readonly ms: number
  /** Rows of one turn cost about the same, those of another turn may not: all turns have about as many rows. */
  readonly turn: { readonly nth: number; readonly of: number }
}

/** Counts rows of one long piece of work, and tells rate and time left. */
export class Progress {
  private rows = 0
  private told = 0
  private readonly context: RunContext
  private readonly phase: Phase
  private readonly what: string
  private readonly totalRows: number
  private readonly started = performance.now()
  /** By turn: all rows done, and what was spent on the last ones. */
  private readonly turns: { done: number; rows: number; ms: number }[] = []
  private busyMs = 0

  constructor(context: RunContext, phase: Phase, what: string, totalRows: number) {
    this.context = context
    this.phase = phase
    this.what = what
    this.totalRows = totalRows
  }

  advance(rows: number, spent?: Spent): void {
    this.rows += rows
    if (spent) {
      const turn = (this.turns[spent.turn.nth] ??= { done: 0, rows: 0, ms: 0 })
      turn.done += rows
      turn.rows = turn.rows * REMEMBERED + rows
      turn.ms = turn.ms * REMEMBERED + spent.ms
      this.busyMs += spent.ms
    }
    const now = performance.now()
    if (now - this.told < EVERY_MS) return
    this.told = now
    const elapsedMs = Math.max(1, now - this.started)
    const rowsPerSecond = (this.rows / elapsedMs) * 1000
    this.context.emit({
      type: 'progress',
      phase: this.phase,
      what: this.what,
      rows: this.rows,
      totalRows: this.totalRows,
      rowsPerSecond,
      remainingMs: this.rows > 0 ? this.remainingMs(elapsedMs, spent?.turn.of ?? 1) : null,
    })
  }

  private remainingMs(elapsedMs: number, turns: number): number {
    const left = Math.max(0, this.totalRows - this.rows)
    if (turns === 1) return (left * elapsedMs) / this.rows
    let perRow = 0
    let ms = 0
    for (let nth = 0; nth < turns; nth++) {
      const turn = this.turns[nth]
      // one that has not come yet is taken to cost what the one before it does
      if (turn && turn.rows > 0) perRow = turn.ms / turn.rows
      ms += Math.max(0, this.totalRows / turns - (turn?.done ?? 0)) * perRow
    }
    // several connections may have been at work
    return (ms * elapsedMs) / this.busyMs
  }
}
