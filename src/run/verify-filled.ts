import { UnshipError } from '../errors.ts'
import { verifyFillStatement } from '../plan/fill.ts'
import { shown } from '../plan/model.ts'
import { fillHost } from './fill.ts'
import { row } from './query.ts'
import type { Restoring } from './steps.ts'

/**
 * Every backed-up row that is still there is filled as the backup says. A row that came under a backed-up key after
 * that key's batch is filled now.
 */
export async function verifyFilled({ context, plan, counted }: Restoring): Promise<void> {
  for (const host of plan.hosts)
    for (let attempt = 1; ; attempt++) {
      const filled = await row<{ kept: string; found: string; wrong: string }>(context.db, verifyFillStatement(host))
      counted.set(host, { kept: Number(filled.kept), gone: Number(filled.kept) - Number(filled.found) })
      if (Number(filled.wrong) === 0) break
      if (attempt >= 3)
        throw new UnshipError({
          code: 'backup_not_verified',
          message: `${filled.wrong} rows of ${shown(host.table)} do not hold what the backup does`,
          detail: 'The restored columns are still hidden; nobody has seen them.',
          hint: 'Run the same command again.',
        })
      await fillHost(context, host)
    }
}
