import type { Command } from '../command.ts'
import { planCommand } from './plan.ts'

/** In the order in which help lists them. */
export const commands: readonly Command[] = [planCommand]
