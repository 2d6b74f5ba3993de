import { createQueryId, SelectQueryNode, TableNode } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'
import { UnshipError } from '../errors.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { declaredNames, type DeclaredField, type DeclaredName } from './declared.ts'
import { pluginTranslation } from './resolve.ts'

/*
 * The caller's plugins (`db.withSchema`) may look for tables elsewhere than in `public`, or under other names: what is declared has to be
 * what the caller's own queries find.
 */

/** The declaration, with the schema that the plugins give to its unqualified names where it says none itself. */
export function inDefaultSchema(feature: FeatureDeclaration, named: AnyKysely): FeatureDeclaration {
  if (feature.schema !== undefined) return feature
  const [first, ...others] = unqualifiedNames(feature, named)
  const schema = first?.schema
  return schema === undefined || others.some((other) => other.schema !== schema) ? feature : { ...feature, schema }
}

/** Refuses where the plugins look for an unqualified name in another schema than the declaration means. */
export function refuseElsewhere(feature: FeatureDeclaration, named: AnyKysely): void {
  const { schema: said } = inDefaultSchema(feature, named)
  const names = unqualifiedNames(feature, named)
  const elsewhere = names.find(({ schema }) => schema !== undefined && schema !== said)
  if (elsewhere?.schema === undefined) return
  const where = names.map(({ name, schema }) => `"${name}": ${schema ?? 'no schema is given'}.`)
  throw new UnshipError({
    code: 'invalid_declaration',
    message: `feature ${feature.name} is declared in schema ${said ?? 'public'}, and the Kysely that was given finds "${elsewhere.name}" in ${elsewhere.schema}`,
    detail: `Where its plugins (withSchema) look for unqualified names:\n${where.join('\n')}`,
    hint: `Write schema: '${elsewhere.schema}' in the declaration where that is meant, or else qualify its names, as '${said ?? 'public'}.${elsewhere.name}'. Nothing was changed.`,
  })
}

const RELATIONS: readonly DeclaredField[] = [
  ...(['tables', 'views'] as const),
  ...(['columns', 'constraints', 'triggers', 'policies', 'rules'] as const),
]

/** Refuses where a plugin gives tables alone other names, as with a prefix: the one of the declared name is another's. */
export function refuseRenamed(feature: FeatureDeclaration, named: AnyKysely): void {
  const translate = pluginTranslation(named)
  for (const { name } of allNames(feature).filter(({ field }) => RELATIONS.includes(field))) {
    const renamed = tableOf(named, name).name
    if (renamed === translate(name)) continue
    throw new UnshipError({
      code: 'invalid_declaration',
      message: `feature ${feature.name} declares "${name}", for which the Kysely that was given asks as "${renamed}"`,
      detail: 'One of its plugins gives tables other names than other identifiers.',
      hint: 'Declare the names that the database has, and pass a Kysely without that plugin. Nothing was changed.',
    })
  }
}

/** No schema: that of a name without one. */
const NONE = ''

const allNames = (feature: FeatureDeclaration): DeclaredName[] =>
  declaredNames({ ...feature, schema: NONE }, (name) => name)

/** With the schema in which the caller's queries would find a table of that name. */
const unqualifiedNames = (feature: FeatureDeclaration, named: AnyKysely) =>
  allNames(feature)
    .filter(({ schema }) => schema === NONE)
    .map(({ name }) => ({ name, schema: tableOf(named, name).schema }))

/** What a query of the caller's would ask for under the name of a table. */
function tableOf(named: AnyKysely, name: string): { readonly schema: string | undefined; readonly name: string } {
  const node = SelectQueryNode.createFrom([TableNode.create(name)])
  const from = named.getExecutor().transformQuery(node, createQueryId()).from?.froms[0]
  if (!from || !TableNode.is(from)) return { schema: undefined, name }
  return { schema: from.table.schema?.name, name: from.table.identifier.name }
}
