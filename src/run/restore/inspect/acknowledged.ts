import type { LedgerRun } from '../../../ledger/recorded.ts'
import { parseName } from '../../../names.ts'
import type { QualifiedName } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'

/** What is acknowledged: by the declaration that the removal was given, or by the one that its restore is given. */
export function acknowledged({ acknowledge }: RunContext, { declaration, plan }: LedgerRun) {
  const both = [plan?.acknowledge ?? declaration?.acknowledge, acknowledge]
  const names = (table: QualifiedName, field: Readonly<Record<string, readonly string[] | undefined>> | undefined) =>
    Object.entries(field ?? {}).flatMap(([spelled, entry]) => {
      const { schema, name } = parseName(spelled, plan?.schema ?? 'public')
      return schema === table.schema && name === table.name ? (entry ?? []) : []
    })
  return {
    rewrite: (table: QualifiedName, column: string): boolean =>
      both.some((a) => names(table, a?.rewrites).includes(column)),
    eventTrigger: (name: string): boolean => both.some((a) => a?.eventTriggers?.includes(name) === true),
  }
}
