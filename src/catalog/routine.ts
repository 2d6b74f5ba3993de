import { meaningOfRoutine, rowTypesOfRoutine } from './meaning.ts'
import { aclJson, oidArray, strings, tableOfType, type Acl, type Oid, type Scope, type Strings } from './fragments.ts'

/** pg_proc.prokind, as ALTER spells it. */
export const prokinds = {
  f: 'function',
  p: 'procedure',
  a: 'aggregate',
  w: 'function',
} as const
export type Prokind = keyof typeof prokinds

export interface Routine extends Strings {
  readonly oid: Oid
  readonly nspname: string
  readonly proname: string
  readonly prokind: Prokind
  /** Names, types and modes, as ALTER FUNCTION takes them. */
  readonly arguments: string
  /** The types alone. */
  readonly argument_types: string
  readonly owner: string
  readonly owned: boolean
  readonly proacl: Acl
  /** null for aggregates, which PostgreSQL cannot print. */
  readonly def: string | null
  readonly prosrc: string
  /** Of a BEGIN ATOMIC body: the columns that it reads, by name. */
  readonly meaning: string | null
  /** PostgreSQL has parsed its body (BEGIN ATOMIC, RETURN). */
  readonly parsed: boolean
  /** Arguments have defaults, which PostgreSQL has parsed in any case. */
  readonly has_defaults: boolean
  /** The table of whose rows its result is. */
  readonly returns_rows_of: Oid | null
  /** Tables whose row types its body, arguments and result speak of. */
  readonly row_types: readonly Oid[]
  readonly description: string | null
  /** The session's role may create one like it: its language, its settings, what only superusers declare. */
  readonly creatable: boolean
  /** An event trigger calls it. */
  readonly event_triggers: readonly string[]
}

export const routineQuery = ({ routines }: Scope, major: number): string => `
  select p.oid, n.nspname, p.proname, p.prokind,
    pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
    pg_catalog.oidvectortypes(p.proargtypes) as argument_types,
    pg_catalog.pg_get_userbyid(p.proowner) as owner,
    pg_catalog.pg_has_role(p.proowner, 'USAGE') as owned,
    ${aclJson('p.proacl')} as proacl,
    case when p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid) end as def,
    p.prosrc, ${meaningOfRoutine('p.oid')} as meaning, p.prosqlbody is not null as parsed, p.pronargdefaults > 0 as has_defaults,
    ${tableOfType('p.prorettype')} as returns_rows_of,
    ${rowTypesOfRoutine('p.oid')} as row_types, pg_catalog.obj_description(p.oid, 'pg_proc') as description,
    (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user)
      or (not p.proleakproof and p.prosupport::pg_catalog.oid = 0
        and (select l.lanpltrusted and pg_catalog.has_language_privilege(l.oid, 'USAGE') from pg_catalog.pg_language l where l.oid = p.prolang)
        and not exists (select from pg_catalog.unnest(p.proconfig) c
          left join pg_catalog.pg_settings s on pg_catalog.lower(s.name) = pg_catalog.lower(pg_catalog.split_part(c, '=', 1))
          where s.context is distinct from 'user' /* or made up, as app.tenant */
            ${major >= 15 ? `and not pg_catalog.has_parameter_privilege(pg_catalog.split_part(c, '=', 1), 'SET')` : ''})) as creatable,
    coalesce((select pg_catalog.json_agg(e.evtname) from pg_catalog.pg_event_trigger e where e.evtfoid = p.oid), '[]') as event_triggers,
    ${strings('pg_catalog.pg_proc', 'p.oid')}
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where p.oid = any (${oidArray(routines)})
  order by n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid) collate pg_catalog."C"`
