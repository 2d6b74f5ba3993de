import { describe, expect, test } from 'vitest'
import { consoleProgress } from '../src/console/console-progress.ts'
import { messagesOf, type ToldEvent } from '../src/console/events.ts'
import { bare, count, duration, oneLine, percent, size } from '../src/console/format.ts'
import type { Message } from '../src/console/message.ts'
import { progressBar, progressLine } from '../src/console/progress-line.ts'
import { table } from '../src/console/table.ts'
import type { Blocker, ProgressEvent, RemovalReport, RestoreReport } from '../src/run/report.ts'

const textOf = (messages: readonly Message[]) =>
  messages.map(({ type, lines }) => `${type.padEnd(8)}${lines.join(`\n${' '.repeat(8)}`)}`).join('\n')
const said = (event: ToldEvent) => textOf(messagesOf(event, { restoreCommand: 'kysely migrate:down' }))

const removal: RemovalReport = {
  direction: 'removal',
  outcome: 'removed',
  feature: 'program_partner',
  runId: '1',
  durationMs: 1234.5,
  longestLockMs: 12.34,
  phases: [],
  counts: {},
  warnings: [],
  setAside: [],
  backups: [
    {
      table: 'public.backup_program_partner_contacts',
      of: 'public.contacts',
      rows: 41,
      bytes: 16384,
      checksum: '9f86d081',
    },
    {
      table: 'public.backup_program_partner_audit_log',
      of: 'public.program_partner_audit_log',
      rows: 3,
      bytes: 81920,
      checksum: '60303ae2',
    },
    { table: 'public.backup_big', of: 'public.big', rows: 2_000_000, bytes: 1_642_000_000, checksum: 'fd61a03a' },
  ],
}

const restore: RestoreReport = {
  direction: 'restore',
  outcome: 'restored',
  feature: 'program_partner',
  runId: '2',
  durationMs: 2500,
  longestLockMs: 8,
  phases: [],
  counts: {},
  warnings: [],
  setAside: [],
  hosts: [{ table: 'public.contacts', restored: 40, inserted: 1, deleted: 1 }],
  retired: [
    { backup: 'public.backup_program_partner_contacts', became: 'public.backup_program_partner_contacts_20251123' },
    { backup: 'public.backup_program_partner_audit_log', became: 'public.program_partner_audit_log' },
  ],
}

const blocker: Blocker = {
  pid: 4711,
  user: 'crm_app',
  application: 'psql',
  state: 'idle in transaction',
  ageMs: 12_000,
  query: 'update contacts\n  set phone = null\n where id = $1',
  relation: 'public.contacts',
  prepared: null,
}

const waiting = (attempt: number, blockers: readonly Blocker[]): ProgressEvent & { type: 'waiting' } => ({
  type: 'waiting',
  phase: 'cut over',
  attempt,
  attempts: 300,
  retryInMs: 120,
  blockers,
})

const progress = (rows: number, more: Partial<ProgressEvent & { type: 'progress' }> = {}) => ({
  type: 'progress' as const,
  phase: 'fill' as const,
  what: 'public.contacts',
  rows,
  totalRows: 2_000_000,
  rowsPerSecond: 45_123.4,
  remainingMs: 41_200,
  ...more,
})

describe('figures', () => {
  test('durations', () => {
    expect([0, 0.5, 4.213, 85, 999.4, 999.9, 1234.5, 59_949, 59_990, 125_000, 3_780_000].map(duration)).toEqual([
      '0 ms',
      '0.5 ms',
      '4.21 ms',
      '85 ms',
      '999 ms',
      '1 s',
      '1.23 s',
      '59.9 s',
      '1 min 0 s',
      '2 min 5 s',
      '1 h 3 min',
    ])
  })

  test('sizes', () => {
    expect([0, 1, 512, 1023, 8192, 16384, 1_642_000_000, 3e15].map(size)).toEqual([
      '0 bytes',
      '1 byte',
      '512 bytes',
      '1 KiB',
      '8 KiB',
      '16 KiB',
      '1.53 GiB',
      '2,730 TiB',
    ])
  })

  test('counts', () => {
    expect([0, 1, 2000].map((n) => count(n, 'row'))).toEqual(['0 rows', '1 row', '2,000 rows'])
    expect(bare(1234567)).toBe('1,234,567')
  })

  test('shares are never over 100 %, and 100 % only when done', () => {
    expect([percent(0, 0), percent(1999, 2000), percent(2000, 2000), percent(2100, 2000)]).toEqual([
      '100 %',
      '99 %',
      '100 %',
      '100 %',
    ])
  })

  test('texts of others come on one line, without control characters', () => {
    expect(oneLine('  select\n\t1;\u001b[31m --\r\n x\u202e', 100)).toBe('select 1; [31m -- x')
    expect(oneLine('abcdef', 4)).toBe('abc…')
  })
})

test('columns are aligned, figures to the right', () => {
  expect(
    table(
      [{ heading: 'table' }, { heading: 'rows', right: true }],
      [
        ['a', '1,000'],
        ['größer', '2'],
      ],
    ),
  ).toEqual(['table    rows', 'a       1,000', 'größer      2'])
})

describe('each event', () => {
  test('started', () => {
    const started = { type: 'started', feature: 'program_partner', resumed: null } as const
    expect(said({ ...started, direction: 'removal' })).toBe('start   Removing program_partner')
    expect(said({ ...started, direction: 'restore', resumed: 'fill' })).toBe(
      'start   Restoring program_partner, resuming at the phase: fill',
    )
    expect(said({ ...started, direction: 'abort' })).toBe('start   Taking back the removal of program_partner')
  })

  test('preflight', () => {
    const counts = [
      { label: 'partners', rows: 41 },
      { label: 'payment data', rows: 1 },
      { label: 'corrections', rows: 0 },
      { label: 'subscription payments', rows: 12_345 },
    ]
    expect(said({ type: 'preflight', counts })).toMatchInlineSnapshot(`
      "info    Preflight
                partners                   41 rows
                payment data                1 row
                corrections                 0 rows
                subscription payments  12,345 rows"
    `)
    expect(said({ type: 'preflight', counts: [] })).toBe('')
  })

  test('warning, of one line or more', () => {
    expect(said({ type: 'warning', message: 'function f() mentions payment_method\nDETAIL:  line 3' })).toBe(
      'warn    function f() mentions payment_method\n          DETAIL:  line 3',
    )
  })

  test('phase done, with and without locks', () => {
    const done = { type: 'phase done', durationMs: 41, attempts: 1 } as const
    expect(said({ ...done, phase: 'copy', lockHeldMs: null })).toBe('success copy      41 ms')
    expect(said({ ...done, phase: 'cut over', lockHeldMs: 12.3 })).toBe(
      'success cut over  41 ms, locks held for 12.3 ms, 1 attempt',
    )
    expect(said({ ...done, phase: 'reveal', lockHeldMs: 0.04, attempts: 3 })).toBe(
      'success reveal    41 ms, locks held for 0.04 ms, 3 attempts',
    )
  })

  test('waiting names the blockers', () => {
    const prepared: Blocker = {
      ...{ pid: 0, user: 'crm_app', application: null, state: null, ageMs: 3_600_000, query: null },
      ...{ relation: 'public.subscriptions', prepared: 'tx 1' },
    }
    const unknown: Blocker = {
      ...{
        pid: 12,
        user: null,
        application: '',
        state: null,
        ageMs: null,
        query: null,
        relation: null,
        prepared: null,
      },
    }
    expect(said(waiting(1, [blocker, prepared, unknown]))).toMatchInlineSnapshot(`
      "info    cut over: waiting for locks that 3 sessions hold, attempt 1 of 300, next in 120 ms
                pid 4711: user crm_app, application psql, idle in transaction, for 12 s, holds public.contacts
                  query: update contacts set phone = null where id = $1
                prepared transaction "tx 1": user crm_app, for 1 h 0 min, holds public.subscriptions
                pid 12"
    `)
    expect(said(waiting(2, []))).toBe('info    cut over: waiting for locks, attempt 2 of 300, next in 120 ms')
  })

  test('waiting for very many names some', () => {
    const lines = said(
      waiting(
        1,
        Array.from({ length: 40 }, (_, i) => ({ ...blocker, pid: i + 1 })),
      ),
    ).split('\n')
    expect(lines).toHaveLength(1 + 20 + 1)
    expect(lines.at(-1)).toBe('          and 30 sessions more')
  })

  test.each([
    [{ ...removal, outcome: 'absent' as const }, 'program_partner is not in this database: nothing to remove'],
    [{ ...removal, outcome: 'already removed' as const }, 'program_partner is already removed: nothing to do'],
    [
      { ...restore, outcome: 'absent' as const },
      'program_partner was not removed from this database: nothing to restore',
    ],
    [{ ...restore, outcome: 'already restored' as const }, 'program_partner is already restored: nothing to do'],
  ])('finished with nothing to do: one line', (report, line) => {
    expect(said({ type: 'finished', report })).toBe(`info    ${line}`)
  })

  test('finished with rows set aside', () => {
    const setAside = [
      {
        table: 'public.program_partner_audit_log',
        rows: 1,
        reason: 'its contact is gone',
        kept: 'public.backup_program_partner_audit_log_set_aside',
      },
    ]
    expect(said({ type: 'finished', report: { ...restore, hosts: [], retired: [], setAside } })).toMatchInlineSnapshot(`
      "success Restored program_partner in 2.5 s
                longest time that locks were held: 8 ms
      warn    Set aside, since the restored tables have no place for them
                1 row of public.program_partner_audit_log in public.backup_program_partner_audit_log_set_aside: its contact is gone"
    `)
  })

  test('finished after taking back', () => {
    const { direction: _1, outcome: _2, backups: _3, ...rest } = removal
    expect(
      said({
        type: 'finished',
        report: { ...rest, direction: 'abort', outcome: 'taken back', phase: 'copy', longestLockMs: 0 },
      }),
    ).toMatchInlineSnapshot(`
      "success Took back the removal of program_partner, which had broken off in the phase: copy
                in 1.23 s
                no lock that others wait for was held"
    `)
  })
})

describe('progress', () => {
  test('as a line', () => {
    expect(progressLine(progress(120_000))).toBe(
      'fill: public.contacts, 120,000 of 2,000,000 rows (6 %), 45,123 rows/s, 42 s left',
    )
    expect(progressLine(progress(0, { remainingMs: null, rowsPerSecond: 0 }))).toBe(
      'fill: public.contacts, 0 of 2,000,000 rows (0 %), 0 rows/s',
    )
  })

  test('as a bar, never wider than the terminal', () => {
    expect(progressBar(progress(1_000_000), 120)).toBe(
      'fill public.contacts [############............] 50 %, 1,000,000 of 2,000,000 rows, 45,123 rows/s, 42 s left',
    )
    for (let columns = 1; columns < 130; columns++)
      expect(progressBar(progress(1_000_000), columns).length).toBeLessThanOrEqual(Math.max(1, columns - 1))
  })
})

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
      'fill public.contacts [############............] 50 %, 1,000,000 of 2,000,000 rows, 45,123 rows/s, 42 s left',
      'fill public.contacts [########################] 100 %, 2,000,000 of 2,000,000 rows, 45,123 rows/s, 0 ms left',
      null,
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

const phase = (
  name: ProgressEvent extends infer E ? (E extends { type: 'phase done'; phase: infer P } ? P : never) : never,
  durationMs: number,
  lockHeldMs: number | null = null,
) =>
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
              table                                    keeps                                  rows      size  checksum
              public.backup_program_partner_contacts   public.contacts                          41    16 KiB  9f86d081
              public.backup_program_partner_audit_log  public.program_partner_audit_log          3    80 KiB  60303ae2
              public.backup_big                        public.big                        2,000,000  1.53 GiB  fd61a03a
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
