import type { Oid } from '../../catalog/fragments.ts'
import {
  demandMeaning,
  meaningOfPolicy,
  meaningOfRoutine,
  meaningOfRule,
  meaningOfView,
} from '../../catalog/meaning.ts'
import type { Index } from '../../catalog/index.ts'
import { createPolicy, type Policy } from '../../catalog/policy.ts'
import type { Relation } from '../../catalog/relation.ts'
import { replayable, replayableRoutine, replayableStatistics } from '../../catalog/replay.ts'
import { prokinds, type Routine } from '../../catalog/routine.ts'
import type { Rule } from '../../catalog/rule.ts'
import type { Statistics } from '../../catalog/statistics.ts'
import { tgenabled } from '../../catalog/trigger.ts'
import { id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { grants, setAcl, type AclTarget } from './acl.ts'
import type { Model } from '../model.ts'
import { isOurs, isPrebuilt, show } from './prebuilt.ts'
import { ofMember } from '../tree.ts'

/** Something that is dropped in the cut-over and created again at the reveal. */
export interface Recreated {
  readonly key: string
  readonly kind: string
  readonly identity: string
  readonly drop: readonly string[]
  readonly create: readonly string[]
  /** Creating it locks no table and needs nothing else of the feature. */
  readonly unlocked?: boolean
  /** Tables, besides its own, that creating it locks. */
  readonly validate: {
    readonly sql: string
    readonly foreignKey: boolean
    /** Tables that stay locked for as long as it takes. */
    readonly locks: readonly QualifiedName[]
  } | null
  /** What completes it when all is validated, under locks for a moment: the deepest first. */
  readonly attach?: { readonly sql: string; readonly tables: readonly string[]; readonly depth: number }
}

export const comment = (of: string, text: string | null): string[] =>
  text === null ? [] : [`comment on ${of} is ${literal(text)}`]
const withoutSemicolon = (sql: string) => sql.trim().replace(/;$/, '')
const regclass = (name: string) => `${literal(name)}::pg_catalog.regclass::pg_catalog.oid`
/** An expression for the identifier of what has a name on a table only. */
const oidOn = (catalog: string, relid: string, column: string, table: string, name: string) =>
  `(select o.oid from pg_catalog.${catalog} o where o.${relid} = ${regclass(table)} and o.${column} = ${literal(name)})`

export function relationAcl(
  relation: Relation,
  name = qualified({ schema: relation.nspname, name: relation.relname }),
): AclTarget {
  return {
    object: `${relation.relkind === 'S' ? 'sequence' : 'table'} ${name}`,
    catalog: 'pg_class',
    aclColumn: 'relacl',
    oid: regclass(name),
    owner: relation.owner,
    publicDefault: null,
    columns: relation.relkind === 'r' || relation.relkind === 'p',
  }
}

/** Column privileges, in the order of each column's list. */
export function columnGrants(model: Model, relation: Relation): string[] {
  const name = qualified({ schema: relation.nspname, name: relation.relname })
  return [...model.columns(relation.oid), ...relation.system_columns].flatMap((c) =>
    grants(`table ${name}`, c.attacl ?? [], relation.owner, ` (${id(c.attname)})`),
  )
}

export function recreatedView(model: Model, relation: Relation): Recreated {
  const name = qualified({ schema: relation.nspname, name: relation.relname })
  const materialized = relation.relkind === 'm'
  const kind = materialized ? 'materialized view' : 'view'
  const prebuilt = isPrebuilt(model, relation)
  const definition = replayable(withoutSemicolon(relation.viewdef ?? ''))
  const create: string[] = []
  if (prebuilt) create.push(show(relation))
  else if (materialized) {
    const data = relation.relispopulated && isOurs(model, relation) ? 'with data' : 'with no data'
    create.push(`create materialized view ${name}${viewStorage(relation)} as ${definition} ${data}`)
  } else create.push(`create view ${name}${viewStorage(relation)} as ${definition}`)
  create.push(demandMeaning(`${kind} ${name}`, meaningOfView(regclass(name)), relation.meaning))
  for (const c of model.columns(relation.oid)) {
    const column = id(c.attname)
    if (c.default !== null)
      create.push(`alter view ${name} alter column ${column} set default ${replayable(c.default)}`)
    if (materialized) create.push(...columnSettings(`alter materialized view ${name}`, column, c))
    create.push(...comment(`column ${name}.${column}`, c.description))
  }
  for (const index of model.snapshot.indexes.filter((i) => i.indrelid === relation.oid)) {
    if (!prebuilt) create.push(...indexStatements(index, replayable(index.def)))
    const own = qualified({ schema: index.nspname, name: index.relname })
    if (index.tablespace !== null) create.push(`alter index ${own} set tablespace ${id(index.tablespace)}`)
    if (index.indisclustered) create.push(`alter materialized view ${name} cluster on ${id(index.relname)}`)
  }
  const identity = { f: 'full', n: 'nothing' }[relation.relreplident as string]
  if (materialized && identity) create.push(`alter materialized view ${name} replica identity ${identity}`)
  create.push(`alter ${kind} ${name} owner to ${id(relation.owner)}`)
  if (materialized && relation.relispopulated && !isOurs(model, relation))
    create.push(`refresh materialized view ${name}`)
  create.push(...setAcl(relationAcl(relation), relation.relacl))
  create.push(...columnGrants(model, relation))
  create.push(...comment(`${kind} ${name}`, relation.description))
  create.push(...comment(`rule "_RETURN" on ${name}`, relation.rule_comment))
  return {
    key: `pg_class:${relation.oid}:0`,
    kind,
    identity: name,
    drop: [`drop ${kind} ${name}`],
    create,
    validate: null,
  }
}

/** Between a view's name and its query: access method, options, tablespace. */
export function viewStorage(relation: Relation): string {
  const settings = [
    ...(relation.reloptions ?? []).map(option),
    ...(relation.toast_options ?? []).map((o) => `toast.${option(o)}`),
  ]
  const method = relation.relkind === 'm' && relation.amname ? ` using ${id(relation.amname)}` : ''
  const options = settings.length > 0 ? ` with (${settings.join(', ')})` : ''
  const space = relation.tablespace ? ` tablespace ${id(relation.tablespace)}` : ''
  return `${method}${options}${space}`
}

/** `security_barrier=true` as WITH takes it. */
const option = (text: string) => {
  const at = text.indexOf('=')
  const value = text.slice(at + 1)
  return `${text.slice(0, at)}=${/^[a-z0-9_.]+$/i.test(value) ? value : literal(value)}`
}

/** What ADD COLUMN and CREATE leave out of a column. */
export function columnSettings(
  alter: string,
  column: string,
  c: {
    storage: string | null
    compression: string | null
    attstattarget: number
    attoptions: readonly string[] | null
  },
): string[] {
  const settings: string[] = []
  if (c.storage !== null) settings.push(`${alter} alter column ${column} set storage ${c.storage}`)
  if (c.compression !== null) settings.push(`${alter} alter column ${column} set compression ${c.compression}`)
  if (c.attstattarget >= 0) settings.push(`${alter} alter column ${column} set statistics ${String(c.attstattarget)}`)
  if (c.attoptions?.length) settings.push(`${alter} alter column ${column} set (${c.attoptions.join(', ')})`)
  return settings
}

/** An index, with what its definition leaves out. */
export function indexStatements(index: Index, definition: string): string[] {
  return [definition, ...indexSettings(index)]
}

export function indexSettings(index: Index): string[] {
  const name = qualified({ schema: index.nspname, name: index.relname })
  return [
    ...index.columns
      .filter((c) => c.target >= 0)
      .map((c) => `alter index ${name} alter column ${String(c.attnum)} set statistics ${String(c.target)}`),
    ...comment(`index ${name}`, index.description),
  ]
}

/** Its arguments as ALTER takes them; those of an aggregate like count(*) print as nothing. */
export const routineArguments = (r: Routine) => (r.prokind === 'a' && r.arguments === '' ? '(*)' : `(${r.arguments})`)
const routineName = (r: Routine) => `${qualified({ schema: r.nspname, name: r.proname })}${routineArguments(r)}`

const regprocedure = ({ nspname, proname, argument_types }: Routine) =>
  `${literal(`${qualified({ schema: nspname, name: proname })}(${argument_types})`)}::pg_catalog.regprocedure::pg_catalog.oid`

export const routineAcl = (routine: Routine): AclTarget => ({
  // GRANT knows no aggregates, and no agg(*)
  object:
    routine.prokind === 'a'
      ? `function ${qualified({ schema: routine.nspname, name: routine.proname })}(${routine.argument_types})`
      : `${prokinds[routine.prokind]} ${routineName(routine)}`,
  catalog: 'pg_proc',
  aclColumn: 'proacl',
  oid: regprocedure(routine),
  owner: routine.owner,
  publicDefault: 'execute',
})

export function recreatedRoutine(model: Model, routine: Routine): Recreated {
  const name = routineName(routine)
  const kind = prokinds[routine.prokind]
  const key = `pg_proc:${routine.oid}:0`
  return {
    key,
    unlocked: !routine.parsed && standsAlone(model, key),
    kind,
    identity: name,
    drop: [`drop ${kind} ${name}`],
    create: [
      replayableRoutine(routine),
      ...(routine.parsed
        ? [demandMeaning(`${kind} ${name}`, meaningOfRoutine(regprocedure(routine)), routine.meaning)]
        : []),
      `alter ${kind} ${name} owner to ${id(routine.owner)}`,
      ...setAcl(routineAcl(routine), routine.proacl),
      ...comment(`${kind} ${name}`, routine.description),
    ],
    validate: null,
  }
}

/** Whether it hangs on nothing that goes, but by its text. */
const standsAlone = (model: Model, key: string): boolean =>
  !model.snapshot.edges.some(({ dependent, referenced }) => dependent === key && referenced !== key)

export function recreatedPolicy(model: Model, policy: Policy): Recreated {
  const table = qualified(model.name(policy.polrelid))
  const name = id(policy.polname)
  return {
    key: `pg_policy:${policy.oid}:0`,
    kind: 'policy',
    identity: `${name} on ${table}`,
    drop: [`drop policy ${name} on ${table}`],
    create: [
      ...createPolicy(policy, table),
      demandMeaning(
        `policy ${name} on ${table}`,
        meaningOfPolicy(oidOn('pg_policy', 'polrelid', 'polname', table, policy.polname)),
        policy.meaning,
      ),
    ],
    validate: null,
  }
}

export function recreatedRule(model: Model, rule: Rule): Recreated {
  const relation = model.relation(rule.ev_class)
  const table = qualified({ schema: relation.nspname, name: relation.relname })
  const name = id(rule.rulename)
  return {
    key: `pg_rewrite:${rule.oid}:0`,
    kind: 'rule',
    identity: `${name} on ${table}`,
    drop: [`drop rule ${name} on ${table}`],
    create: [
      replayable(withoutSemicolon(rule.def)),
      demandMeaning(
        `rule ${name} on ${table}`,
        meaningOfRule(oidOn('pg_rewrite', 'ev_class', 'rulename', table, rule.rulename)),
        rule.meaning,
      ),
      ...(rule.ev_enabled === 'O' ? [] : [`alter table ${table} ${tgenabled[rule.ev_enabled]} rule ${name}`]),
      ...comment(`rule ${name} on ${table}`, rule.description),
    ],
    validate: null,
  }
}

export function recreatedStatistics(statistics: Statistics): Recreated {
  const name = qualified({ schema: statistics.nspname, name: statistics.stxname })
  return {
    key: `pg_statistic_ext:${statistics.oid}:0`,
    kind: 'statistics',
    identity: name,
    drop: [`drop statistics ${name}`],
    create: [
      replayableStatistics(statistics.def),
      `alter statistics ${name} owner to ${id(statistics.owner)}`,
      ...(statistics.target >= 0 ? [`alter statistics ${name} set statistics ${String(statistics.target)}`] : []),
      ...comment(`statistics ${name}`, statistics.description),
    ],
    validate: null,
  }
}

/** Of a partition: what comes back only while it is one. */
export function withPartition(model: Model, relid: Oid, object: Recreated): Recreated {
  if (model.rootOf(relid) === null) return object
  const { create, validate } = object
  return {
    ...object,
    create: ofMember(model, relid, create),
    validate: validate && { ...validate, sql: ofMember(model, relid, [validate.sql]).join(';\n') },
  }
}
