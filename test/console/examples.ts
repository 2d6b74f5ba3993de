import type { Blocker, ProgressEvent, RemovalReport, RestoreReport } from '../../src/run/report.ts'
import type { Message } from '../../src/console/message.ts'

/*
 * Events of made-up runs, and what is printed as one text.
 */

export const textOf = (messages: readonly Message[]) =>
  messages.map(({ type, lines }) => `${type.padEnd(8)}${lines.join(`\n${' '.repeat(8)}`)}`).join('\n')

export const removal: RemovalReport = {
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

export const restore: RestoreReport = {
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

export const blocker: Blocker = {
  pid: 4711,
  user: 'crm_app',
  application: 'psql',
  state: 'idle in transaction',
  ageMs: 12_000,
  query: 'update contacts\n  set phone = null\n where id = $1',
  relation: 'public.contacts',
  prepared: null,
}

export const waiting = (attempt: number, blockers: readonly Blocker[]): ProgressEvent & { type: 'waiting' } => ({
  type: 'waiting',
  phase: 'cut over',
  attempt,
  attempts: 300,
  retryInMs: 120,
  blockers,
})

export const progress = (rows: number, more: Partial<ProgressEvent & { type: 'progress' }> = {}) => ({
  type: 'progress' as const,
  phase: 'fill' as const,
  what: 'public.contacts',
  rows,
  totalRows: 2_000_000,
  rowsPerSecond: 45_123.4,
  remainingMs: 41_200,
  ...more,
})
