import type { Phase } from '../plan/plan.ts'
import type { RunContext } from './context.ts'

/** Told of at most so often, but for the end. */
const EVERY_MS = 200

/** What a row has cost counts for so much less with each batch that comes after it. */
const REMEMBERED = 0.7

/**
 * By how much the first rows cost more than others: they are the first since a checkpoint to change their pages of the
 * indexes, which go into the log in full. Measured from one to ten million rows (docs/performance.md).
 */
const FIRST_TOUCH = 0.7

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
  readonly totalRows: number
  private readonly started = performance.now()
  /** By turn: all rows done, and what was spent on the last ones. */
  private readonly turns: { done: number; rows: number; ms: number }[] = []
  private busyMs = 0
  private readonly touching: number

  /** @param touching after so many rows, most of the pages that rows touch have been touched before */
  constructor(context: RunContext, phase: Phase, what: string, totalRows: number, touching = 0) {
    this.context = context
    this.phase = phase
    this.what = what
    this.totalRows = totalRows
    this.touching = Math.max(1, touching)
  }

  advance(rows: number, spent?: Spent): void {
    this.rows += rows
    if (spent) {
      const turn = (this.turns[spent.turn.nth] ??= { done: 0, rows: 0, ms: 0 })
      turn.done += rows
      turn.rows = turn.rows * REMEMBERED + this.weight(this.rows - rows, this.rows)
      turn.ms = turn.ms * REMEMBERED + spent.ms
      this.busyMs += spent.ms
    }
    const now = performance.now()
    const atEnd = Math.round(this.rows) >= this.totalRows && Math.round(this.rows - rows) < this.totalRows
    if (now - this.told < EVERY_MS && !atEnd) return
    this.told = now
    const elapsedMs = Math.max(1, now - this.started)
    const rowsPerSecond = (this.rows / elapsedMs) * 1000
    this.context.emit({
      type: 'progress',
      phase: this.phase,
      what: this.what,
      rows: Math.min(Math.round(this.rows), this.totalRows),
      totalRows: this.totalRows,
      rowsPerSecond,
      remainingMs: this.rows > 0 ? this.remainingMs(elapsedMs, spent?.turn.of ?? 1) : null,
    })
  }

  private remainingMs(elapsedMs: number, turns: number): number {
    const left = Math.max(0, this.totalRows - this.rows)
    if (turns === 1) return (left * elapsedMs) / this.rows
    const weightOfOne = left > 0 ? this.weight(this.rows, this.totalRows) / left : 1
    let perRow = 0
    let ms = 0
    for (let nth = 0; nth < turns; nth++) {
      const turn = this.turns[nth]
      // one that has not come yet is taken to cost what the one before it does
      if (turn && turn.rows > 0) perRow = turn.ms / turn.rows
      ms += Math.max(0, this.totalRows / turns - (turn?.done ?? 0)) * weightOfOne * perRow
    }
    // several connections may have been at work
    return (ms * elapsedMs) / this.busyMs
  }

  /** What the rows from one to another cost, in rows that touch no page for the first time. */
  private weight(from: number, to: number): number {
    const untouched = (at: number) => Math.exp(-at / this.touching)
    return to - from + FIRST_TOUCH * this.touching * (untouched(from) - untouched(to))
  }
}
