import type { AbortReport, RemovalReport, RestoreReport } from '../run/report.ts'
import type { Wording } from './events.ts'
import { bare, count, duration, size } from './format.ts'
import { message, type Message } from './message.ts'
import { table } from './table.ts'

type AnyReport = RemovalReport | RestoreReport | AbortReport

/** How a run ended, what it left, and what a person can do next. */
export function finishedMessages(report: AnyReport, wording: Wording): Message[] {
  switch (report.direction) {
    case 'removal':
      return removalMessages(report, wording)
    case 'restore':
      return restoreMessages(report)
    case 'abort':
      return abortMessages(report)
  }
}

function removalMessages(report: RemovalReport, { restoreCommand }: Wording): Message[] {
  const { feature, outcome, backups } = report
  if (outcome === 'absent') return [message('info', `${feature} is not in this database: nothing to remove`)]
  if (outcome === 'already removed') return [message('info', `${feature} is already removed: nothing to do`)]
  return [
    message('success', `Removed ${feature} in ${duration(report.durationMs)}`, [longestLock(report)]),
    ...(backups.length > 0 ? [message('info', 'Backups', backupTable(backups))] : []),
    ...setAsideMessages(report),
    message('info', `To restore ${feature}: ${restoreCommand}`),
  ]
}

function restoreMessages(report: RestoreReport): Message[] {
  const { feature, outcome, hosts, retired } = report
  if (outcome === 'absent')
    return [message('info', `${feature} was not removed from this database: nothing to restore`)]
  if (outcome === 'already restored') return [message('info', `${feature} is already restored: nothing to do`)]
  return [
    message('success', `Restored ${feature} in ${duration(report.durationMs)}`, [longestLock(report)]),
    ...(hosts.length > 0 ? [message('info', 'Rows', hostTable(hosts))] : []),
    ...(retired.length > 0 ? [message('info', 'What became of the backups', retiredTable(retired))] : []),
    ...setAsideMessages(report),
  ]
}

function abortMessages(report: AbortReport): Message[] {
  const { feature, outcome, phase, durationMs } = report
  const aborted = outcome === 'removed' ? 'restore' : 'removal'
  const what = outcome === 'restored' ? `Restored ${feature}` : `Took back the ${aborted} of ${feature}`
  return [
    message('success', `${what} in ${duration(durationMs)}`, [
      `the ${aborted} had broken off in the phase: ${phase}`,
      longestLock(report),
    ]),
    ...setAsideMessages(report),
  ]
}

const longestLock = ({ longestLockMs }: AnyReport) =>
  longestLockMs > 0
    ? `longest time that locks were held: ${duration(longestLockMs)}`
    : 'no lock that others wait for was held'

function backupTable(backups: RemovalReport['backups']): string[] {
  return table(
    [{ heading: 'table' }, { heading: 'rows', right: true }, { heading: 'size', right: true }, { heading: 'checksum' }],
    backups.map((backup) => [backup.table, bare(backup.rows), size(backup.bytes), backup.checksum]),
  )
}

function hostTable(hosts: RestoreReport['hosts']): string[] {
  return table(
    [
      { heading: 'table' },
      { heading: 'rows restored', right: true },
      { heading: 'rows new since', right: true },
      { heading: 'rows gone since', right: true },
    ],
    hosts.map((host) => [host.table, bare(host.restored), bare(host.inserted), bare(host.deleted)]),
  )
}

function retiredTable(retired: RestoreReport['retired']): string[] {
  return table(
    [{ heading: 'backup' }, { heading: 'is now' }],
    retired.map(({ backup, became }) => [backup, became]),
  )
}

function setAsideMessages({ setAside }: AnyReport): Message[] {
  if (setAside.length === 0) return []
  const lines = setAside.map(
    ({ rows, table, kept, reason }) => `${count(rows, 'row')} of ${table} in ${kept}: ${reason}`,
  )
  return [message('warn', 'Set aside, since the restored tables have no place for them', lines)]
}
