import type { AnyKysely } from '../any-kysely.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { tableOfType, type Oid } from './fragments.ts'
import { readJson } from './read.ts'
import { literal } from '../sql.ts'

/** The server and what the session may do in it. */
export interface Environment {
  readonly version: number
  readonly major: number
  readonly server_version: string
  readonly database: string
  readonly current_user: string
  readonly superuser: boolean
  readonly superusers: readonly string[]
  readonly read_only: boolean
  readonly in_recovery: boolean
  /** May create a schema, hence the ledger. */
  readonly create_on_database: boolean
  readonly temporary_on_database: boolean
  /** May use the language of DO blocks; null: the database does not have it. */
  readonly plpgsql: boolean | null
  /** Where it may not create. */
  readonly closed_tablespaces: readonly string[]
  readonly ledger_exists: boolean
  readonly ledger_usable: boolean
  /** About how many locks the server's shared table holds, of all sessions. */
  readonly lock_slots: number
  /** Active event triggers on DDL that belong to no extension. */
  readonly event_triggers: readonly string[]
  /** Publications FOR ALL TABLES or of whole schemas. */
  readonly wide_publications: readonly { readonly pubname: string; readonly nspname: string | null }[]
  /** Logical replication slots of this database whose plugin knows nothing of publications. */
  readonly other_slots: readonly { readonly slot_name: string; readonly plugin: string }[]
}

const environmentQuery = (ledgerSchema: string, major: number): string => `
  select pg_catalog.current_setting('server_version_num')::int as version,
    pg_catalog.current_setting('server_version_num')::int / 10000 as major,
    pg_catalog.current_setting('server_version') as server_version,
    pg_catalog.current_database() as database, current_user,
    (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) as superuser,
    (select pg_catalog.json_agg(r.rolname) from pg_catalog.pg_roles r where r.rolsuper) as superusers,
    pg_catalog.current_setting('transaction_read_only')::bool as read_only,
    pg_catalog.pg_is_in_recovery() as in_recovery,
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') as create_on_database,
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY') as temporary_on_database,
    (select pg_catalog.has_language_privilege(l.oid, 'USAGE') from pg_catalog.pg_language l where l.lanname = 'plpgsql') as plpgsql,
    coalesce((select pg_catalog.json_agg(s.spcname) from pg_catalog.pg_tablespace s
      where not pg_catalog.has_tablespace_privilege(s.oid, 'CREATE')), '[]') as closed_tablespaces,
    exists (select from pg_catalog.pg_namespace n where n.nspname = ${literal(ledgerSchema)}) as ledger_exists,
    coalesce((select pg_catalog.has_schema_privilege(n.oid, 'CREATE') and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      from pg_catalog.pg_namespace n where n.nspname = ${literal(ledgerSchema)}), false) as ledger_usable,
    pg_catalog.current_setting('max_locks_per_transaction')::int * (pg_catalog.current_setting('max_connections')::int
      + pg_catalog.current_setting('max_prepared_transactions')::int) as lock_slots,
    coalesce((select pg_catalog.json_agg(e.evtname) from pg_catalog.pg_event_trigger e
      where e.evtenabled <> 'D' and e.evtevent <> 'login' and not exists (select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass and d.objid = e.oid and d.deptype = 'e')), '[]') as event_triggers,
    coalesce((select pg_catalog.json_agg(w) from (
      select p.pubname, null::pg_catalog.name as nspname from pg_catalog.pg_publication p where p.puballtables
      ${
        major >= 15
          ? `union all
      select p.pubname, n.nspname from pg_catalog.pg_publication_namespace g
      join pg_catalog.pg_publication p on p.oid = g.pnpubid join pg_catalog.pg_namespace n on n.oid = g.pnnspid`
          : ''
      }) w), '[]') as wide_publications,
    coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object('slot_name', s.slot_name, 'plugin', s.plugin) order by s.slot_name)
      from pg_catalog.pg_replication_slots s
      where s.database = pg_catalog.current_database() and s.plugin <> 'pgoutput'), '[]') as other_slots`

/** A role, and whether the session may act in it. */
export interface Role {
  readonly oid: Oid
  readonly rolname: string
  /** Holds its rights. */
  readonly usable: boolean
  /** May SET ROLE to it. */
  readonly settable: boolean
}

export const roleQuery = (major: number): string => `
  select r.oid, r.rolname, pg_catalog.pg_has_role(r.oid, 'USAGE') as usable,
    pg_catalog.pg_has_role(r.oid, '${major >= 16 ? 'SET' : 'MEMBER'}') as settable
  from pg_catalog.pg_roles r where r.rolname !~ '^pg_'`

/** What an owner of objects, a grantor of privileges, or the session may do in a schema. */
export interface SchemaRight {
  readonly nspname: string
  readonly rolname: string
  readonly may_create: boolean
  readonly may_use: boolean
}

export const schemaRightQuery = `
  with concerned(oid) as (
    select c.relowner from pg_catalog.pg_class c
    union select p.proowner from pg_catalog.pg_proc p
    union select a.grantor from pg_catalog.pg_class c cross join lateral pg_catalog.aclexplode(c.relacl) a
    union select a.grantor from pg_catalog.pg_proc p cross join lateral pg_catalog.aclexplode(p.proacl) a
    union select a.grantor from pg_catalog.pg_attribute m cross join lateral pg_catalog.aclexplode(m.attacl) a
  )
  select n.nspname, r.rolname, pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE') as may_create,
    pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE') as may_use
  from pg_catalog.pg_namespace n cross join pg_catalog.pg_roles r
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and r.rolname !~ '^pg_'
    and (r.rolname = current_user or r.oid in (select c.oid from concerned c))`

/** A function whose text, which PostgreSQL does not track, mentions one of some names. */
export interface Mention {
  readonly objid: Oid
  readonly signature: string
  readonly names: readonly string[]
  readonly prosrc: string
  /** The table of whose rows its result is. */
  readonly returns_rows_of: Oid | null
  /** The triggers that call it. */
  readonly triggers: readonly {
    readonly oid: Oid
    readonly schema: string
    readonly table: string
    readonly name: string
  }[]
}

export function mentionQuery(names: readonly string[]): string {
  const list = literal(JSON.stringify(names))
  return `
  select p.oid as objid, p.oid::pg_catalog.regprocedure::text as signature, pg_catalog.json_agg(w.name order by w.name) as names, p.prosrc,
    ${tableOfType('p.prorettype')} as returns_rows_of,
    coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object('oid', t.oid, 'schema', n.nspname, 'table', c.relname, 'name', t.tgname) order by n.nspname, c.relname, t.tgname)
      from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where t.tgfoid = p.oid and not t.tgisinternal and t.tgparentid = 0 and t.tgenabled <> 'D'), '[]') as triggers
  from pg_catalog.pg_proc p
  join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname not in ('internal', 'c')
  join pg_catalog.json_array_elements_text(${list}) w(name)
    -- a name that needs no quotes may be written in capitals
    on p.prosrc ~ (case when w.name = pg_catalog.lower(w.name) then '(?i)' else '' end
      || '\\m' || pg_catalog.regexp_replace(w.name, '(\\W)', '\\\\\\1', 'g') || '\\M')
  where p.oid >= 16384 and not exists (select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e')
  group by p.oid order by p.oid::pg_catalog.regprocedure::text collate pg_catalog."C"`
}

/** The server's major version. */
export async function readMajor(db: AnyKysely): Promise<number> {
  const [version] = await readJson<{ major: number }>(
    db,
    `select pg_catalog.current_setting('server_version_num')::int / 10000 as major`,
  )
  return version?.major ?? 0
}

/** Reads the server, its version and the session's rights. */
export async function readEnvironment(db: AnyKysely): Promise<Environment> {
  const [environment] = await readJson<Environment>(db, environmentQuery(LEDGER_SCHEMA, await readMajor(db)))
  if (!environment) throw new Error('the server did not describe itself')
  return environment
}
