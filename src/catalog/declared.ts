import type { FeatureDeclaration } from '../feature.ts'
import { parseName, parseSignature } from '../names.ts'
import type { QualifiedName } from '../sql.ts'
import { literal } from '../sql.ts'
import type { Address } from './dependency.ts'
import type { Oid } from './fragments.ts'

/** A field of a declaration that names objects. */
export type DeclaredField =
  | 'tables'
  | 'columns'
  | 'views'
  | 'functions'
  | 'indexes'
  | 'constraints'
  | 'triggers'
  | 'policies'
  | 'rules'
  | 'types'
  | 'sequences'
  | 'statistics'

/** One declared name, and what it was found to mean. */
export interface DeclaredName extends QualifiedName {
  readonly field: DeclaredField
  /** As the declaration writes it, for messages. */
  readonly spelled: string
  /** For what belongs to a table: its own name; the qualified name is the table's. */
  readonly part: string | null
  readonly argumentTypes: readonly string[] | null
}

/** What the catalog has under a declared name; several for overloaded functions. */
export interface Candidate {
  /** Position in the list of declared names. */
  readonly n: number
  readonly catalog: string
  readonly objid: Oid
  readonly objsubid: number
  readonly relkind: string | null
  readonly signature: string | null
  /** Spellings of each argument type. */
  readonly argument_types: readonly (readonly string[])[] | null
  /** The catalog's name, where it differs from the declared one in letter case or underscores alone. */
  readonly similar: string | null
}

const perTable = ['columns', 'constraints', 'triggers', 'policies', 'rules'] as const
const plain = ['tables', 'views', 'functions', 'indexes', 'types', 'sequences', 'statistics'] as const

/** Every name that a declaration writes, with its schema. `translate` applies the caller's naming plugin. */
export function declaredNames(feature: FeatureDeclaration, translate: (name: string) => string): DeclaredName[] {
  const schema = feature.schema ?? 'public'
  const named = (text: string): QualifiedName => {
    const name = parseName(text, schema)
    return { schema: name.schema, name: translate(name.name) }
  }
  const names: DeclaredName[] = []
  for (const field of plain)
    for (const spelled of feature[field] ?? []) {
      const { name, argumentTypes } =
        field === 'functions' ? parseSignature(spelled) : { name: spelled, argumentTypes: null }
      names.push({ field, spelled, ...named(name), part: null, argumentTypes })
    }
  for (const field of perTable)
    for (const [table, parts] of Object.entries(feature[field] ?? {}))
      for (const part of parts ?? [])
        names.push({ field, spelled: `${table}.${part}`, ...named(table), part: translate(part), argumentTypes: null })
  return names
}

/** Finds the declared names; a row whose `similar` is set is not the object itself. */
export function candidateQuery(names: readonly DeclaredName[]): string {
  const asked = JSON.stringify(names.map(({ field, schema, name, part }, n) => ({ n, field, schema, name, part })))
  // a name's own collation is "C", a text's is not: both have to fold alike
  const folded = (expression: string) =>
    `pg_catalog.lower(pg_catalog.replace(${expression}::text, '_', '') collate pg_catalog."default")`
  const found = (
    catalog: string,
    alias: string,
    column: string,
    extra = 'null, null, null::json',
    subid = '0',
    wanted = 'a.name',
  ) =>
    `select a.n, '${catalog}' as catalog, ${alias}.oid as objid, ${subid} as objsubid, ${extra},
      case when ${column} <> ${wanted} then ${column} end as similar`
  const inSchema = (
    alias: string,
    column: string,
  ) => `join pg_catalog.pg_namespace n on n.oid = ${alias} and n.nspname = a.schema
      where ${folded(column)} = ${folded('a.name')}`
  const onTable = (catalog: string, alias: string, relid: string, column: string, field: string) =>
    `${found(catalog, alias, column, 'null, null, null::json', '0', 'a.part')}
      from asked a join pg_catalog.${catalog} ${alias} on a.field = '${field}'
      join pg_catalog.pg_class c on c.oid = ${alias}.${relid} and c.relname = a.name
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = a.schema
      where ${column} = a.part`
  return `
    with asked as (select * from pg_catalog.json_to_recordset(${literal(asked)}) a(n int, field text, schema text, name text, part text))
    select * from (
      ${found('pg_class', 'c', 'c.relname', 'c.relkind::text as relkind, null as signature, null::json as argument_types')}
      from asked a join pg_catalog.pg_class c on a.field in ('tables', 'views', 'indexes', 'sequences') and c.relkind not in ('c', 't')
      ${inSchema('c.relnamespace', 'c.relname')}
      union all
      select a.n, 'pg_class', c.oid, coalesce(m.attnum, 0), c.relkind::text, null, null::json,
        case when c.relname <> a.name then c.relname when m.attname <> a.part then m.attname end
      from asked a join pg_catalog.pg_class c on a.field = 'columns' and c.relkind in ('r', 'p', 'f', 'v', 'm')
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = a.schema
      left join pg_catalog.pg_attribute m on m.attrelid = c.oid and m.attnum > 0 and not m.attisdropped
        and ${folded('m.attname')} = ${folded('a.part')}
      where ${folded('c.relname')} = ${folded('a.name')}
      union all
      ${found(
        'pg_proc',
        'p',
        'p.proname',
        `null, pg_catalog.quote_ident(p.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
        coalesce((select pg_catalog.json_agg(pg_catalog.json_build_array(pg_catalog.format_type(t.oid, null), t.typname,
            e.typname || '[]') order by u.n)
          from pg_catalog.unnest(p.proargtypes::pg_catalog.oid[]) with ordinality u(oid, n)
          join pg_catalog.pg_type t on t.oid = u.oid left join pg_catalog.pg_type e on e.typarray = t.oid), '[]')`,
      )}
      from asked a join pg_catalog.pg_proc p on a.field = 'functions'
      ${inSchema('p.pronamespace', 'p.proname')}
      union all
      ${found('pg_type', 't', 't.typname', `(select c.relkind::text from pg_catalog.pg_class c where c.oid = t.typrelid and c.relkind <> 'c'), null, null::json`)}
      from asked a join pg_catalog.pg_type t on a.field = 'types'
        -- an array's name is like that of its elements
        and (t.typname = a.name or not exists (select from pg_catalog.pg_type e where e.typarray = t.oid))
      ${inSchema('t.typnamespace', 't.typname')}
      union all
      ${found('pg_statistic_ext', 's', 's.stxname')}
      from asked a join pg_catalog.pg_statistic_ext s on a.field = 'statistics'
      ${inSchema('s.stxnamespace', 's.stxname')}
      union all
      ${onTable('pg_constraint', 'k', 'conrelid', 'k.conname', 'constraints')}
      union all
      ${onTable('pg_trigger', 't', 'tgrelid', 't.tgname', 'triggers')}
      union all
      ${onTable('pg_policy', 'p', 'polrelid', 'p.polname', 'policies')}
      union all
      ${onTable('pg_rewrite', 'w', 'ev_class', 'w.rulename', 'rules')}
    ) found order by n`
}

const typeAliases: Record<string, string> = {
  int: 'integer',
  decimal: 'numeric',
  dec: 'numeric',
  float: 'double precision',
  char: 'character',
  'timestamp with time zone': 'timestamptz',
}

/** Whether a declared argument list means this function. */
export function argumentsMatch(declared: readonly string[], candidate: Pick<Candidate, 'argument_types'>): boolean {
  const types = candidate.argument_types ?? []
  if (types.length !== declared.length) return false
  return declared.every((text, i) => {
    const words = text
      .trim()
      .replace(/\s+/g, ' ')
      .toLowerCase()
      .replace(/\s*\([\d, ]+\)/, '')
    const spellings = (types[i] ?? []).filter(Boolean).flatMap((type) => {
      const unqualified = type.replace(/^(?:"(?:[^"]|"")*"|[^."]+)\./, '')
      return [type.toLowerCase(), unqualified.toLowerCase()]
    })
    const matches = (name: string) => {
      const [, element = '', array = ''] = /^(.*?)((?:\[\])?)$/.exec(name) ?? []
      return spellings.includes(name) || spellings.includes(`${typeAliases[element] ?? element}${array}`)
    }
    // `name type` and `in name type` are allowed too, as PostgreSQL prints them
    const parts = words.split(' ')
    return parts.some((_, skip) => matches(parts.slice(skip).join(' ')))
  })
}

export const candidateAddress = ({ catalog, objid, objsubid }: Candidate): Address => ({ catalog, objid, objsubid })
