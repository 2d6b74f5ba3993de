import { isUnshipError, NOTHING_CHANGED, UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { parseName } from '../../names.ts'
import { shown } from '../../plan/model.ts'
import { qualified } from '../../sql.ts'
import type { ClaimedTable } from '../backups/claimed.ts'

/** What of a declaration names tables. */
type Named = Pick<FeatureDeclaration, 'tables' | 'columns' | 'constraints' | 'triggers' | 'policies' | 'rules'>

/** What each table of ours is: by its qualified name. */
type Ours = ReadonlyMap<string, string>

/** The tables of ours that a declaration, or a fragment of one, names. */
function named(ours: Ours, declared: Named, schema: string): string[] {
  const { tables, columns, constraints, triggers, policies, rules } = declared
  const spelled = [columns, constraints, triggers, policies, rules].flatMap((field) => Object.keys(field ?? {}))
  const names = [...(tables ?? []), ...spelled].map((name) => parseName(name, schema))
  return [
    ...new Set(
      names.flatMap((name) =>
        name.schema === LEDGER_SCHEMA
          ? [`table ${shown(name)} belongs to kysely-unship`]
          : (ours.get(qualified(name)) ?? []),
      ),
    ),
  ]
}

/** Refuses to take what keeps other features, and to suggest it. */
export function refuseOurs<T>(claimed: readonly ClaimedTable[], feature: FeatureDeclaration, plan: () => T): T {
  const ours = new Map(
    claimed.map((table) => [qualified(table), `table ${shown(table)} is a backup of feature ${table.feature}`]),
  )
  const schema = feature.schema ?? 'public'
  const refuse = (found: readonly string[], besides: string[], cause?: unknown) => {
    if (found.length === 0) return
    throw new UnshipError({
      code: 'not_restorable',
      message: `feature ${feature.name} cannot be removed with what keeps other features`,
      detail: [...besides, ...found.map((f) => `${f}.`)].join('\n'),
      hint: `Restore that feature first, or purge its backups where nobody wants it back. ${NOTHING_CHANGED}`,
      cause,
    })
  }
  refuse(named(ours, feature, schema), [])
  try {
    return plan()
  } catch (error) {
    if (isUnshipError(error) && error.suggestion)
      refuse(named(ours, error.suggestion, schema), error.detail === undefined ? [] : [error.detail], error.cause)
    throw error
  }
}
