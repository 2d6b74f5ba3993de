import { sql } from 'kysely'
import type { AnyKysely } from '../../any-kysely.ts'
import { readRuns } from '../../ledger/history.ts'
import { readStatus } from '../../run/status/read-status.ts'
import { reviewRemoval } from '../../run/review/review-removal.ts'
import { UnshipError } from '../../errors.ts'
import { featureArg, text, type Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withProject } from '../project/index.ts'
import { noticeAfter, noticeBefore, type Done } from '../render/notice.ts'
import { forPeople } from '../../visible.ts'

export const noticeCommand: Command = {
  name: 'notice',
  summary: 'Write the message to stakeholders, with checklist and sign-off, as Markdown',
  args: {
    ...featureArg,
    when: { type: 'string', valueHint: 'text', description: 'When it is to run' },
    why: { type: 'string', valueHint: 'text', description: 'Why' },
    contact: { type: 'string', valueHint: 'text', description: 'Who answers questions' },
  },
  examples: [
    ['unship notice --when "2 March, 10:00" --contact "Ada, #data"', 'before the removal, from its plan'],
    ['unship notice program_partner', 'after it, from the ledger'],
  ],
  run: ({ args, screen }) =>
    withProject(args, async (project) => {
      const { db } = project
      const { feature: meant } = await project.feature(text(args, 'feature'))
      const words = { when: text(args, 'when'), why: text(args, 'why'), contact: text(args, 'contact') }
      const done = await lastRun(db, meant.name)
      if (done) {
        const notice = noticeAfter(await databaseName(db), done, words)
        if (screen.json) screen.printJson({ feature: meant.name, about: done.run.direction, markdown: notice })
        else screen.print(notice)
        return EXIT.ok
      }
      const review = await reviewRemoval(db, meant)
      if (review.direction === 'none')
        throw new UnshipError({
          code: 'wrong_state',
          message: `there is nothing to tell of feature ${meant.name}`,
          detail: `It is not in database ${review.database}, and was not removed from it.`,
          hint: 'Check that the connection leads to the right database.',
        })
      const notice = noticeBefore(forPeople(review), words)
      if (screen.json) screen.printJson({ feature: meant.name, about: 'plan', markdown: notice })
      else screen.print(notice)
      return EXIT.ok
    }),
}

/** The removal or restore that made the feature's state what it is; a feature that was never removed has none. */
async function lastRun(db: AnyKysely, feature: string): Promise<Done | null> {
  const status = (await readStatus(db)).find((s) => s.feature === feature)
  if (!status?.run || !['removed', 'archived', 'purged', 'restored'].includes(status.state)) return null
  const run = (await readRuns(db, feature)).find(({ id }) => id === status.run?.id)
  return run
    ? { run, kept: status.kept, purgedAt: status.state === 'purged' ? (status.purged?.at ?? null) : null }
    : null
}

async function databaseName(db: AnyKysely): Promise<string> {
  const { rows } = await sql<{ name: string }>`select pg_catalog.current_database()::text as name`.execute(db)
  return rows[0]?.name ?? ''
}
