import { bare, count, duration, size } from '../../console/format.ts'
import { code, escaped, list, table } from '../../console/markdown.ts'
import type { RunRecord } from '../../ledger/history.ts'
import type { RemovalReview } from '../../plan/review/review.ts'
import type { KeptTable } from '../../run/backups/kept-tables.ts'
import { signsOf } from './evidence.ts'
import { guess } from './time.ts'
import { minute, rowsWord, summary } from './words.ts'

/** What only people know; where they do not say, a gap is left to be filled in. */
export interface NoticeWords {
  readonly when: string | undefined
  readonly contact: string | undefined
  readonly why: string | undefined
}

const gap = (text: string | undefined, what: string) => (text === undefined ? `**[${what}]**` : escaped(text))

/** The message before a removal, with its checklist and sign-off. */
export function noticeBefore(review: RemovalReview, words: NoticeWords): string {
  const { feature, database, counts, backups, hazards, evidence, fingerprint } = review
  const warnings = hazards.filter(({ severity }) => severity === 'warning')
  const used = signsOf(evidence).filter(({ kind }) => kind === 'used').length
  const long = review.phases.some(({ held }) => held === 'as long as it takes')
  const rows = backups.reduce((sum, backup) => sum + backup.rows, 0)
  return [
    `# ${escaped(feature)} leaves ${escaped(database)}: ${gap(words.when, 'date and time')}`,
    `We are taking ${code(feature)} out of the database ${code(database)}. Why: ${gap(words.why, 'reason')}.`,
    `What goes: ${escaped(summary(review))}. Nothing of it is thrown away: every value is copied or kept in place, checked, and sealed before anything is removed, and it can be put back exactly.`,
    facts([
      ['When', gap(words.when, 'date and time')],
      ['How long', `about ${guess(review)} (a guess from the size of the tables)`],
      [
        'Downtime',
        long
          ? 'a part of the restore would hold others up; the removal takes none'
          : 'none; others wait for milliseconds, twice',
      ],
      ['Data kept', `${count(rows, 'row')} in ${count(backups.length, 'table')}`],
      ['Way back', `${code('kysely migrate:down')}, while the backups are kept`],
    ]),
    '## What is there now',
    counts.length > 0
      ? table(
          ['', 'rows:'],
          counts.map(({ label, rows: n }) => [escaped(label), bare(n)]),
        )
      : 'Nothing is counted.',
    '## Where it is kept',
    table(
      ['table', 'holds', 'rows:'],
      backups.map((backup) => [code(backup.table), escaped(backup.of), rowsWord(backup)]),
    ),
    '## What you may notice',
    list([
      'Queries, reports and exports that name what goes fail from then on. If one of yours does, say so before.',
      'Sessions with a prepared "select \\*" of a table that loses columns fail with "cached plan must not change result type" until they prepare it anew or reconnect.',
    ]),
    `Questions: ${gap(words.contact, 'name')}.`,
    '## Before it runs',
    checklist([
      'Removing it is right, and what comes after it is decided',
      'Everybody who uses the data has been told',
      `The counts above have been looked at (read ${minute(review.plannedAt)})`,
      `The plan has been reviewed: ${warnings.length === 0 ? 'no warning' : count(warnings.length, 'warning')}, ${used === 0 ? 'no sign of use' : `${count(used, 'sign')} of use`}; fingerprint ${code(fingerprint)}`,
      'The application runs without the feature',
      'There is a backup of the whole database, and it can be restored',
      'Removal and restore have been tried on a copy (optional)',
      'A quiet hour is chosen (optional: nobody has to stop working)',
    ]),
    '## After it',
    checklist([
      `${code('unship verify')} ends with 0`,
      `The backups hold ${backups.map((backup) => `${rowsWord(backup)} (${code(backup.table)})`).join(', ')}`,
      'The application shows no new errors',
      `It is decided until when the backups are kept: ${code(`unship archive ${feature} --keep-until …`)}`,
      'This message has been answered with the result',
    ]),
    signOff(['Technical lead', 'Data owner', 'Database administrator', 'Operations']),
  ].join('\n\n')
}

/** A run that is done, and what is left to restore it from. */
export interface Done {
  readonly run: RunRecord
  readonly kept: readonly KeptTable[]
  /** When the backups were dropped. */
  readonly purgedAt: string | null
}

/** The message after a removal or restore, from the ledger. */
export function noticeAfter(database: string, done: Done, words: NoticeWords): string {
  const { run, purgedAt } = done
  const { feature, direction, started_at: begun, finished_at: ended, report } = run
  const at = ended ?? begun
  const removed = direction === 'removal'
  // what an earlier restore left is no way back from this removal
  const kept = removed ? done.kept.filter((table) => table.run === run.id) : done.kept
  const held = Math.max(0, ...(report.phases ?? []).map(({ lockHeldMs }) => lockHeldMs ?? 0))
  const until = [...new Set(kept.flatMap(({ keepUntil }) => keepUntil ?? []))]
  return [
    `# ${escaped(feature)} ${removed ? 'has left' : 'is back in'} ${escaped(database)}: ${minute(at)}`,
    `${removed ? 'The removal' : 'The restore'} of ${code(feature)} is done. Why: ${gap(words.why ?? run.reason ?? undefined, 'reason')}.`,
    facts([
      ['Done', `${minute(at)}, by ${escaped(run.actor ?? run.session_role)} (run ${run.id} of the ledger)`],
      ['It took', duration(Date.parse(at) - Date.parse(begun))],
      ['Others waited', held > 0 ? `for ${duration(held)} at most` : 'not that it was measured'],
      ...(removed
        ? ([
            ['Way back', wayBack(purgedAt)],
            ...(purgedAt === null
              ? [['Kept until', until.length > 0 ? until.join(', ') : 'not decided'] as const]
              : []),
          ] as const)
        : []),
    ]),
    ...(removed && Object.keys(run.counts).length > 0
      ? [
          '## What was there',
          table(
            ['', 'rows:'],
            Object.entries(run.counts).map(([label, rows]) => [escaped(label), bare(rows)]),
          ),
        ]
      : []),
    removed ? '## Where it is kept' : '## What is still kept',
    kept.length > 0
      ? table(
          ['table', 'holds', 'rows:', 'size:'],
          kept.map(({ table: name, of, rows, bytes }) => [
            code(name),
            escaped(of),
            rows === null ? '' : bare(rows),
            bytes === null ? '**missing**' : size(bytes),
          ]),
        )
      : 'Nothing.',
    ...((report.warnings ?? []).length > 0 ? ['## Warnings', list((report.warnings ?? []).map(escaped))] : []),
    `Questions: ${gap(words.contact, 'name')}.`,
    '## To be confirmed',
    checklist([
      `${code('unship verify')} ends with 0`,
      'The application shows no new errors',
      ...(removed
        ? [...(purgedAt === null ? ['It is decided until when the backups are kept'] : []), 'The next step is planned']
        : ['Those who were told of the removal know that it is back', 'Rows that were set aside have been looked at']),
    ]),
    signOff(['Technical lead', 'Data owner']),
  ].join('\n\n')
}

const wayBack = (purgedAt: string | null): string =>
  purgedAt === null
    ? `${code('kysely migrate:down')}, while the backups are kept`
    : `**none: the backups were dropped**, ${minute(purgedAt)}`

const facts = (rows: readonly (readonly [string, string])[]): string => table(['', ''], rows)
const checklist = (items: readonly string[]): string => items.map((item) => `- [ ] ${item}`).join('\n')
const signOff = (roles: readonly string[]): string =>
  `## Sign-off\n\n${table(
    ['role', 'name', 'date'],
    roles.map((role) => [role, '', '']),
  )}`
