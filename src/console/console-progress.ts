import type { ProgressEvent } from '../run/report.ts'
import { messagesOf, type ToldEvent } from './events.ts'
import { oneLine } from './format.ts'
import { consolaOutput, type Output } from './output.ts'
import { progressBar, progressLine, runningLine } from './progress-line.ts'
import { writeStepSummary } from './step-summary.ts'
import { blockersKey, waitingLine } from './waiting.ts'
import { visibleLine } from '../visible.ts'

/** How a run is shown. All optional. */
export interface ConsoleProgressOptions {
  /** What a person runs to restore a removed feature; `kysely migrate:down`. */
  readonly restoreCommand?: string
  /** Where it is shown; through consola, as kysely-ctl prints. */
  readonly output?: Output
  /** The time in milliseconds. */
  readonly now?: () => number
}

/** Where lines cannot be redrawn, one in this time says how far it has come. */
const PLAIN_EVERY_MS = 10_000
/** Blockers that keep changing are not told more often than this. */
const BLOCKERS_EVERY_MS = 1_000

/**
 * Shows a run to a person: preflight counts, each phase with its duration,
 * progress of long phases, who is waited for, backups, and how to restore.
 *
 * On a terminal, progress is a line that is redrawn; elsewhere, and where `CI`
 * is set, a plain line every 10 s. Colours, marks and levels are consola's: no
 * colours where the output is no terminal or `NO_COLOR` is set. Where
 * `GITHUB_STEP_SUMMARY` names a file, the report is appended to it in Markdown.
 *
 * @example
 * await removeFeature(db, programPartner, { onProgress: consoleProgress() })
 */
export function consoleProgress(options: ConsoleProgressOptions = {}): (event: ProgressEvent) => void {
  const { restoreCommand = 'kysely migrate:down', output = consolaOutput(), now = () => performance.now() } = options
  let lastPlainLine = now()
  let toldBlockers: { key: string; at: number } | null = null

  return (event) => {
    switch (event.type) {
      case 'progress':
        showInPassing(
          () => progressLine(event),
          (columns) => progressBar(event, columns),
        )
        break
      case 'running':
        showInPassing(
          () => runningLine(event),
          (columns) => oneLine(runningLine(event), columns - 1),
        )
        break
      case 'waiting':
        if (isNews(event)) tell(event)
        else
          showInPassing(
            () => visibleLine(waitingLine(event)),
            (columns) => visibleLine(waitingLine(event)).slice(0, columns - 1),
          )
        break
      default:
        if (event.type === 'phase started') toldBlockers = null
        tell(event)
    }
  }

  function tell(event: ToldEvent): void {
    output.draw(null)
    for (const message of messagesOf(event, { restoreCommand })) output.print(message)
    if (event.type === 'finished') summarize(event.report)
    lastPlainLine = now()
  }

  function summarize(report: (ProgressEvent & { type: 'finished' })['report']): void {
    const failure = writeStepSummary(report)
    if (failure !== null)
      output.print({ type: 'warn', lines: [`the summary of the job could not be written: ${failure}`] })
  }

  /** What soon is out of date: redrawn in place, or told sparsely. */
  function showInPassing(plain: () => string, drawn: (columns: number) => string): void {
    if (output.columns !== null) output.draw(drawn(output.columns))
    else if (now() - lastPlainLine >= PLAIN_EVERY_MS) {
      output.print({ type: 'info', lines: [plain()] })
      lastPlainLine = now()
    }
  }

  /** Whether a wait is for other sessions than those that were told. */
  function isNews({ blockers }: ProgressEvent & { type: 'waiting' }): boolean {
    const key = blockersKey(blockers)
    if (toldBlockers) {
      const { key: toldKey, at } = toldBlockers
      if (key === '' || key === toldKey || now() - at < BLOCKERS_EVERY_MS) return false
    }
    toldBlockers = { key, at: now() }
    return true
  }
}
