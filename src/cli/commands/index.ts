import type { Command } from '../command.ts'
import { abortCommand } from './abort.ts'
import { archiveCommand } from './archive.ts'
import { noticeCommand } from './notice.ts'
import { planCommand } from './plan.ts'
import { purgeCommand } from './purge.ts'
import { rehearseCommand } from './rehearse.ts'
import { statusCommand } from './status.ts'
import { verifyCommand } from './verify.ts'

/** In the order in which help lists them. */
export const commands: readonly Command[] = [
  planCommand,
  rehearseCommand,
  statusCommand,
  verifyCommand,
  abortCommand,
  archiveCommand,
  purgeCommand,
  noticeCommand,
]
