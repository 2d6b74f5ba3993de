import type { AnyKysely } from '../any-kysely.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { parseName, parseSignature, spellName } from '../names.ts'
import { pluginTranslation } from './resolve.ts'

type Names = readonly string[]
type PerTable<T> = Readonly<Record<string, T | undefined>>

/**
 * A declaration with its names as the database has them: all that the caller's plugins translate. What is in no interface stays
 * as it is: labels, expressions, types of arguments, names of roles and event triggers.
 */
export function translated(feature: FeatureDeclaration, named: AnyKysely): FeatureDeclaration {
  const to = new Translation(pluginTranslation(named), feature.schema ?? 'public')
  const given = <K extends keyof FeatureDeclaration>(
    field: K,
    asThere: (value: NonNullable<FeatureDeclaration[K]>) => FeatureDeclaration[K],
  ) => (feature[field] === undefined ? {} : { [field]: asThere(feature[field]) })
  return {
    ...feature,
    ...given('tables', to.objects),
    ...given('columns', to.partsByTable),
    ...given('views', to.objects),
    ...given('functions', to.routines),
    ...given('indexes', to.objects),
    ...given('types', to.objects),
    ...given('sequences', to.objects),
    ...given('statistics', to.objects),
    ...given('constraints', to.partsByTable),
    ...given('triggers', to.partsByTable),
    ...given('policies', to.partsByTable),
    ...given('rules', to.partsByTable),
    ...given('counts', (counts) =>
      mapped(counts, (of) => (typeof of === 'string' ? to.object(of) : to.partsByTable(of))),
    ),
    ...given('acknowledge', ({ rewrites, triggers, ...others }) => ({
      ...others,
      ...(rewrites && { rewrites: to.eitherByTable(rewrites) }),
      ...(triggers && { triggers: to.eitherByTable(triggers) }),
    })),
    ...given('fill', to.expressionsByTable),
  }
}

/** How the names of a declaration are translated, by what they name. */
class Translation {
  private readonly translate: (name: string) => string
  private readonly schema: string

  constructor(translate: (name: string) => string, schema: string) {
    this.translate = translate
    this.schema = schema
  }

  /** Where nothing is translated it stays as it is spelled, so that what a refusal suggests fits in. */
  readonly object = (spelled: string): string => {
    const declared = parseName(spelled, this.schema)
    const name = this.translate(declared.name)
    return name === declared.name ? spelled : spellName({ ...declared, name }, this.schema)
  }

  readonly objects = (names: Names): string[] => names.map(this.object)

  readonly routines = (signatures: Names): string[] =>
    signatures.map((spelled) => {
      const { name, argumentTypes } = parseSignature(spelled)
      return argumentTypes === null ? this.object(name) : `${this.object(name)}(${argumentTypes.join(', ')})`
    })

  readonly partsByTable = (entries: PerTable<Names>) =>
    this.byTable(entries, (names) => names.map(this.translate), union)

  /** A refusal of a restore shows names as the database has them: either will do. */
  readonly eitherByTable = (entries: PerTable<Names>) =>
    this.byTable(entries, (names) => union(names, names.map(this.translate)), union)

  readonly expressionsByTable = (entries: PerTable<Readonly<Record<string, string | undefined>>>) =>
    this.byTable(
      entries,
      (columns) => Object.fromEntries(Object.entries(columns).map(([name, sql]) => [this.translate(name), sql])),
      (one, other) => ({ ...one, ...other }),
    )

  /** A suggestion that was taken over may name a table as the database does, beside the one that the interface names. */
  private byTable<T>(entries: PerTable<T>, each: (entry: T) => T, join: (one: T, other: T) => T): Record<string, T> {
    const all = new Map<string, readonly [string, T]>()
    for (const [spelled, entry] of Object.entries(entries)) {
      if (entry === undefined) continue
      const table = this.object(spelled)
      const { schema, name } = parseName(table, this.schema)
      const [key, before] = all.get(JSON.stringify([schema, name])) ?? [table, undefined]
      all.set(JSON.stringify([schema, name]), [key, before === undefined ? each(entry) : join(before, each(entry))])
    }
    return Object.fromEntries(all.values())
  }
}

const union = (one: Names, other: Names): string[] => [...new Set([...one, ...other])]

const mapped = <T, R>(entries: Readonly<Record<string, T>>, each: (entry: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(entries).map(([key, entry]) => [key, each(entry)]))
