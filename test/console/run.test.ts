import { describe, expect, test } from 'vitest'
import { consoleProgress } from '../../src/console/console-progress.ts'
import type { Message } from '../../src/console/message.ts'
import type { Phase } from '../../src/plan/plan.ts'
import type { ProgressEvent } from '../../src/run/report.ts'
import { blocker, progress, removal, restore, textOf, waiting } from './examples.ts'

/** An output that keeps what was printed, beside a clock that a test sets. */
function recorded({ columns = null }: { columns?: number | null } = {}) {
  const printed: Message[] = []
  const drawn: (string | null)[] = []
  const clock = { now: 0 }
  const show = consoleProgress({
    output: { columns, print: (message) => void printed.push(message), draw: (line) => void drawn.push(line) },
    now: () => clock.now,
  })
  return { show, clock, printed, drawn, lines: () => printed.map(({ lines }) => lines[0]) }
}

describe('a run as it goes on', () => {
  test('where lines cannot be redrawn, progress is told every 10 s', () => {
    const { show, clock, lines, drawn } = recorded()
    show({ type: 'phase started', phase: 'fill' })
    for (clock.now = 0; clock.now <= 35_000; clock.now += 250) show(progress(clock.now))
    expect(lines().map((line) => line?.split(' (')[0])).toEqual([
      'fill: public.contacts, 10,000 of 2,000,000 rows',
      'fill: public.contacts, 20,000 of 2,000,000 rows',
      'fill: public.contacts, 30,000 of 2,000,000 rows',
    ])
    expect(drawn.every((line) => line === null)).toBe(true)
  })

  test('on a terminal, progress is drawn and taken away before anything is printed', () => {
    const { show, lines, drawn } = recorded({ columns: 120 })
    show(progress(1_000_000))
    show(progress(2_000_000, { remainingMs: 0 }))
    show({ type: 'phase done', phase: 'fill', durationMs: 44_000, lockHeldMs: null, attempts: 1 })
    expect(lines()).toEqual(['fill      44 s'])
    expect(drawn).toEqual([
      'fill public.contacts [########........] 50 %, 1,000,000 of 2,000,000 rows, 45,123 rows/s, 42 s left',
      'fill public.contacts [################] 100 %, 2,000,000 of 2,000,000 rows, 45,123 rows/s',
      null,
    ])
  })

  test('a statement of which only its age is known is drawn, or told every 10 s', () => {
    const running = (elapsedMs: number) =>
      ({ type: 'running', phase: 'validate', what: 'it holds for every row', elapsedMs, remainingMs: null }) as const
    const terminal = recorded({ columns: 30 })
    terminal.show(running(1_000))
    expect(terminal.drawn).toEqual(['validate for 1 s: it holds f…'])
    const log = recorded()
    for (log.clock.now = 0; log.clock.now <= 25_000; log.clock.now += 500) log.show(running(log.clock.now))
    expect(log.lines()).toEqual([
      'validate for 10 s: it holds for every row',
      'validate for 20 s: it holds for every row',
    ])
  })

  test('the same blockers are named once in 300 attempts', () => {
    const { show, clock, lines } = recorded({ columns: 120 })
    const other = { ...blocker, pid: 4712 }
    for (let attempt = 1; attempt <= 300; attempt++) {
      clock.now += 1_000
      show(waiting(attempt, attempt % 2 ? [blocker, other] : [other, blocker]))
    }
    expect(lines()).toEqual([expect.stringContaining('attempt 1 of 300')])
  })

  test('other blockers are named, also while they change at every attempt', () => {
    const { show, clock, printed } = recorded({ columns: 120 })
    for (let attempt = 1; attempt <= 300; attempt++) {
      clock.now += 10
      show(waiting(attempt, attempt === 150 ? [] : [{ ...blocker, pid: attempt < 100 ? 1 : attempt }]))
    }
    expect(printed.map(({ lines }) => lines[1]?.split(':')[0]?.trim())).toEqual(['pid 1', 'pid 101', 'pid 201'])
  })

  test('without a terminal, a long wait shows every 10 s', () => {
    const { show, clock, lines } = recorded()
    for (let attempt = 1; attempt <= 25; attempt++) {
      clock.now += 1_000
      show(waiting(attempt, [blocker]))
    }
    expect(lines().map((line) => /attempt \d+/.exec(line ?? '')?.[0])).toEqual([
      'attempt 1',
      'attempt 11',
      'attempt 21',
    ])
  })

  test('a new phase that waits for the same session names it again', () => {
    const { show, lines } = recorded()
    show(waiting(1, [blocker]))
    show({ type: 'phase started', phase: 'record' })
    show(waiting(1, [blocker]))
    expect(lines()).toHaveLength(2)
  })
})

const phase = (name: Phase, durationMs: number, lockHeldMs: number | null = null) =>
  [
    { type: 'phase started', phase: name },
    { type: 'phase done', phase: name, durationMs, lockHeldMs, attempts: 1 },
  ] satisfies ProgressEvent[]

test('a whole removal', () => {
  const { show, printed } = recorded()
  const events: ProgressEvent[] = [
    { type: 'started', feature: 'program_partner', direction: 'removal', resumed: null },
    {
      type: 'preflight',
      counts: [
        { label: 'partners', rows: 41 },
        { label: 'audit entries', rows: 3 },
        { label: 'payment data', rows: 1 },
        { label: 'corrections', rows: 0 },
        { label: 'subscription payments', rows: 0 },
      ],
    },
    { type: 'warning', message: 'function monthly_report() mentions payment_method' },
    ...phase('watch', 38, 6.1),
    ...phase('copy', 420),
    ...phase('verify', 96),
    { type: 'phase started', phase: 'cut over' },
    waiting(1, [blocker]),
    waiting(2, [blocker]),
    { type: 'phase done', phase: 'cut over', durationMs: 640, lockHeldMs: 12.34, attempts: 3 },
    ...phase('record', 4),
    { type: 'finished', report: removal },
  ]
  for (const event of events) show(event)
  expect(textOf(printed)).toMatchInlineSnapshot(`
    "start   Removing program_partner
    info    Preflight
              partners               41 rows
              audit entries           3 rows
              payment data            1 row
              corrections             0 rows
              subscription payments   0 rows
    warn    function monthly_report() mentions payment_method
    success watch     38 ms, locks held for 6.1 ms, 1 attempt
    success copy      420 ms
    success verify    96 ms
    info    cut over: waiting for locks that 1 session holds, attempt 1 of 300, next in 120 ms
              pid 4711: user crm_app, application psql, idle in transaction, for 12 s, holds public.contacts
                query: update contacts set phone = null where id = $1
    success cut over  640 ms, locks held for 12.3 ms, 3 attempts
    success record    4 ms
    success Removed program_partner in 1.23 s
              longest time that locks were held: 12.3 ms
    info    Backups
              table                                         rows      size  checksum
              public.backup_program_partner_contacts          41    16 KiB  9f86d081
              public.backup_program_partner_audit_log          3    80 KiB  60303ae2
              public.backup_big                        2,000,000  1.53 GiB  fd61a03a
    info    To restore program_partner: kysely migrate:down"
  `)
})

test('a whole restore', () => {
  const { show, printed } = recorded()
  const events: ProgressEvent[] = [
    { type: 'started', feature: 'program_partner', direction: 'restore', resumed: null },
    ...phase('add', 12, 3),
    ...phase('fill', 300),
    ...phase('build', 210),
    ...phase('verify', 60),
    ...phase('reveal', 21, 8),
    ...phase('validate', 45),
    ...phase('record', 4),
    { type: 'finished', report: restore },
  ]
  for (const event of events) show(event)
  expect(textOf(printed)).toMatchInlineSnapshot(`
    "start   Restoring program_partner
    success add       12 ms, locks held for 3 ms, 1 attempt
    success fill      300 ms
    success build     210 ms
    success verify    60 ms
    success reveal    21 ms, locks held for 8 ms, 1 attempt
    success validate  45 ms
    success record    4 ms
    success Restored program_partner in 2.5 s
              longest time that locks were held: 8 ms
    info    Rows
              table            rows restored  rows new since  rows gone since
              public.contacts             40               1                1
    info    What became of the backups
              backup                                   is now
              public.backup_program_partner_contacts   public.backup_program_partner_contacts_20251123
              public.backup_program_partner_audit_log  public.program_partner_audit_log"
  `)
})
