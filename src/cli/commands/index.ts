import type { Command } from '../command.ts'
import { abortCommand } from './abort.ts'
import { archiveCommand } from './archive.ts'
import { planCommand } from './plan.ts'
import { purgeCommand } from './purge.ts'
import { statusCommand } from './status.ts'

/** In the order in which help lists them. */
export const commands: readonly Command[] = [planCommand, statusCommand, abortCommand, archiveCommand, purgeCommand]
