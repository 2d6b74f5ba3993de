import { describe, expect, test } from 'vitest'
import type { Blocker } from '../../src/run/report.ts'
import { messagesOf, type ToldEvent } from '../../src/console/events.ts'
import { progressBar, progressLine, runningLine } from '../../src/console/progress-line.ts'
import { blocker, progress, removal, restore, textOf, waiting } from './examples.ts'

const said = (event: ToldEvent) => textOf(messagesOf(event, { restoreCommand: 'kysely migrate:down' }))

describe('each event', () => {
  test('started', () => {
    const started = { type: 'started', feature: 'program_partner', resumed: null } as const
    expect(said({ ...started, direction: 'removal' })).toBe('start   Removing program_partner')
    expect(said({ ...started, direction: 'restore', resumed: 'fill' })).toBe(
      'start   Restoring program_partner, resuming at the phase: fill',
    )
    expect(said({ ...started, direction: 'abort' })).toBe('start   Taking back the removal of program_partner')
    expect(said({ ...started, direction: 'abort', aborted: 'restore' })).toBe(
      'start   Taking back the restore of program_partner',
    )
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
      "success Took back the removal of program_partner in 1.23 s
                the removal had broken off in the phase: copy
                no lock that others wait for was held"
    `)
    expect(
      said({ type: 'finished', report: { ...rest, direction: 'abort', outcome: 'removed', phase: 'fill' } }),
    ).toMatch(
      /^success Took back the restore of program_partner in .*\n +the restore had broken off in the phase: fill\n/,
    )
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

  test('of a statement that only runs', () => {
    const what = 'constraint visits_member_fkey on public.visits holds for every row'
    const running = { type: 'running', phase: 'validate', what, elapsedMs: 12_345, remainingMs: null } as const
    expect(runningLine(running)).toBe(`validate for 12.3 s: ${what}`)
    expect(runningLine({ ...running, remainingMs: 7_400 })).toBe(`validate for 12.3 s, about 8 s left: ${what}`)
  })

  test('as a bar, never wider than the terminal', () => {
    expect(progressBar(progress(1_000_000), 120)).toBe(
      'fill public.contacts [########........] 50 %, 1,000,000 of 2,000,000 rows, 45,123 rows/s, 42 s left',
    )
    for (let columns = 1; columns < 130; columns++)
      expect(progressBar(progress(1_000_000), columns).length).toBeLessThanOrEqual(Math.max(1, columns - 1))
  })
})
