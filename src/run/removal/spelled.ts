import { createQueryId, sql } from 'kysely'
import type { AnyKysely } from '../../any-kysely.ts'
import { pluginTranslation } from '../../catalog/resolve.ts'
import { UnshipError, type Suggestion } from '../../errors.ts'
import { parseName, spellName } from '../../names.ts'

type Spelling = (name: string) => string
type PerTable<T> = Readonly<Record<string, T>>

/** A fragment of a declaration, as hints show it. */
type Fragment = Suggestion & { readonly fill?: PerTable<PerTable<string>> }

/**
 * A refusal whose suggestion names tables, views and columns as the caller's interface does: with a plugin that translates names
 * (CamelCasePlugin) the compiler takes no others. What is in no interface, as constraints and functions, has the database's names.
 */
export async function spelledForCaller(error: UnshipError, named: AnyKysely, schema = 'public'): Promise<UnshipError> {
  const { code, primary: message, detail, hint, suggestion, cause } = error
  const shown = [...(hint?.matchAll(FRAGMENT) ?? [])].map(([json]) => JSON.parse(json) as Fragment)
  const fragments = [...shown, ...(suggestion ? [suggestion] : [])]
  if (fragments.length === 0) return error
  const names = fragments.flatMap((fragment) => namesIn(fragment, schema))
  const spelling = await interfaceSpelling(named, names)
  if (spelling === null) return error
  const spelled = (fragment: Fragment) => respelled(fragment, spelling, schema)
  return new UnshipError({
    ...{ code, message, detail, cause },
    hint: hint?.replaceAll(FRAGMENT, (json) => JSON.stringify(spelled(JSON.parse(json) as Fragment), null, 2)),
    suggestion: suggestion && spelled(suggestion),
  })
}

const FRAGMENT = /^\{\n[^]*?^\}$/gm

/** Those that are in an interface. */
function namesIn(fragment: Fragment, schema: string): string[] {
  const names: string[] = []
  const collect = (name: string) => {
    names.push(name)
    return name
  }
  respelled(fragment, collect, schema)
  return names
}

/** What plugins make of columns of a result, where they make the same of it again in a query; null where they leave all as it is. */
async function interfaceSpelling(named: AnyKysely, names: readonly string[]): Promise<Spelling | null> {
  const executor = named.getExecutor()
  if (executor.plugins.length === 0) return null
  // a plugin may know a result by the query that it has seen before
  const queryId = createQueryId()
  executor.transformQuery(sql`select`.toOperationNode(), queryId)
  let row: PerTable<unknown> = Object.fromEntries(names.map((name) => [name, name]))
  for (const plugin of executor.plugins) {
    const { rows } = await plugin.transformResult({ result: { rows: [row] }, queryId })
    row = rows[0] ?? {}
  }
  const translate = pluginTranslation(named)
  const spellings = new Map(
    Object.entries(row).flatMap(([spelled, name]) => (translate(spelled) === name ? [[name, spelled] as const] : [])),
  )
  return (name) => spellings.get(name) ?? name
}

function respelled(fragment: Fragment, spell: Spelling, schema: string): Fragment {
  const object = (spelled: string) => {
    const { schema: of, name } = parseName(spelled, schema)
    return spell(name) === name ? spelled : spellName({ schema: of, name: spell(name) }, schema)
  }
  const perTable = <T>(entries: PerTable<T> | undefined, each: (entry: T) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(entries ?? {}).map(([table, entry]) => [object(table), each(entry)]))
  const names = (list: string[]) => list.map(spell)
  const own = (list: string[]) => list
  const expressions = (columns: PerTable<string>) =>
    Object.fromEntries(Object.entries(columns).map(([column, sql]) => [spell(column), sql]))
  const { tables, views, columns, constraints, triggers, policies, rules, acknowledge, fill } = fragment
  return {
    ...fragment,
    ...(tables && { tables: tables.map(object) }),
    ...(views && { views: views.map(object) }),
    ...(columns && { columns: perTable(columns, names) }),
    ...(constraints && { constraints: perTable(constraints, own) }),
    ...(triggers && { triggers: perTable(triggers, own) }),
    ...(policies && { policies: perTable(policies, own) }),
    ...(rules && { rules: perTable(rules, own) }),
    ...(fill && { fill: perTable(fill, expressions) }),
    ...(acknowledge && {
      acknowledge: {
        ...acknowledge,
        ...(acknowledge.rewrites && { rewrites: perTable(acknowledge.rewrites, names) }),
        ...(acknowledge.triggers && { triggers: perTable(acknowledge.triggers, own) }),
      },
    }),
  }
}
