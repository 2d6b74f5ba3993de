import { literal } from '../sql.ts'
import type { Oid } from './fragments.ts'
import { oidArray } from './fragments.ts'

/** Signs that a feature is still in use. Nothing here proves that it is not. */
export interface Evidence {
  /** Since when the server has counted; null where it was never told to start anew. */
  readonly countedSince: string | null
  readonly readAt: string
  readonly statements: StatementEvidence
  readonly relations: readonly RelationUse[]
  readonly functions: { readonly tracked: boolean; readonly used: readonly FunctionUse[] }
  readonly sessions: { readonly using: readonly SessionUse[]; readonly hidden: number }
}

/** What pg_stat_statements knows. */
export interface StatementEvidence {
  /** Why there is nothing to see; null where it could be read. */
  readonly unavailable: string | null
  readonly since: string | null
  readonly found: readonly StatementUse[]
  /** Statements whose text this role may not see. */
  readonly hidden: number
}

export interface StatementUse {
  readonly query: string
  readonly calls: number
  readonly user: string | null
  readonly mentions: readonly string[]
}

/** Use of a table or index of the feature. */
export interface RelationUse {
  readonly relation: string
  readonly kind: 'table' | 'index'
  /** Scans begun. */
  readonly reads: number
  /** Rows inserted, updated, deleted. */
  readonly writes: number
  /** PostgreSQL 16 and newer. */
  readonly lastRead: string | null
}

export interface FunctionUse {
  readonly function: string
  readonly calls: number
}

export interface SessionUse {
  readonly pid: number
  readonly user: string | null
  readonly application: string | null
  readonly state: string | null
  readonly since: string | null
  readonly query: string
  readonly mentions: readonly string[]
}

const iso = (timestamp: string) => `pg_catalog.to_json(${timestamp}) #>> '{}'`

export const countedSinceQuery = `
  select ${iso('d.stats_reset')} as since, ${iso('pg_catalog.clock_timestamp()')} as now,
    pg_catalog.current_setting('track_functions') <> 'none' as functions_tracked
  from pg_catalog.pg_stat_database d where d.datname = pg_catalog.current_database()`

/** Scans and writes of whole tables, and scans of indexes over what goes. */
export const relationUseQuery = (tables: readonly Oid[], indexes: readonly Oid[], major: number): string => `
  select s.relid as oid, 'table' as kind, coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0) as reads,
    s.n_tup_ins + s.n_tup_upd + s.n_tup_del as writes,
    ${major >= 16 ? iso('greatest(s.last_seq_scan, s.last_idx_scan)') : 'null'} as last_read
  from pg_catalog.pg_stat_all_tables s where s.relid = any (${oidArray(tables)})
  union all
  select s.indexrelid, 'index', s.idx_scan, 0, ${major >= 16 ? iso('s.last_idx_scan') : 'null'}
  from pg_catalog.pg_stat_all_indexes s where s.indexrelid = any (${oidArray(indexes)})`

export const functionUseQuery = (routines: readonly Oid[]): string => `
  select s.funcid::pg_catalog.regprocedure::text as function, s.calls
  from pg_catalog.pg_stat_user_functions s where s.funcid = any (${oidArray(routines)}) and s.calls > 0`

/** Other sessions' present or last statements that mention one of some names. */
export const sessionUseQuery = (names: readonly string[]): string => `
  select a.pid, a.usename::text as user, a.application_name as application, a.state, ${iso('a.query_start')} as since, a.query,
    a.query = '<insufficient privilege>' as hidden
  from pg_catalog.pg_stat_activity a
  where a.datname = pg_catalog.current_database() and a.pid <> pg_catalog.pg_backend_pid()
    and a.usesysid is not null and coalesce(a.backend_type, 'client backend') = 'client backend' -- of others' sessions it is null
    and (a.query = '<insufficient privilege>' or a.query ~* ${wordPattern(names)})`

export const statementsExtensionQuery = `
  select n.nspname from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
  where e.extname = 'pg_stat_statements'`

/** @param schema the extension's, quoted */
export const statementUseQuery = (schema: string, names: readonly string[]): string => `
  select s.query, pg_catalog.sum(s.calls) as calls, pg_catalog.min(pg_catalog.pg_get_userbyid(s.userid)) as user
  from ${schema}.pg_stat_statements s
  where s.dbid = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    and s.query ~* ${wordPattern(names)} and s.query ~* '^\\s*(select|insert|update|delete|with|merge|call|copy|table|values)\\M'
    and s.query !~ 'pg_catalog\\.count|pg_catalog\\.record_image|\\munship\\M'
  group by s.query order by 2 desc limit 200`

export const statementsSinceQuery = (schema: string): string =>
  `select ${iso('i.stats_reset')} as since, (select pg_catalog.count(*) from ${schema}.pg_stat_statements s
     where s.dbid = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
       and s.query = '<insufficient privilege>') as hidden
   from ${schema}.pg_stat_statements_info i`

const wordPattern = (names: readonly string[]) =>
  literal(names.length === 0 ? '$never' : `\\m(${names.map((name) => name.replaceAll(/(\W)/g, '\\$1')).join('|')})\\M`)
