import type { AnyKysely } from '../../../any-kysely.ts'
import { identityOf, labelsOf, stateOf } from '../../../catalog/needed.ts'
import { ledgerOid } from '../../../ledger/ledger.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import type { Need } from '../../../plan/unchanged/needs.ts'
import { dollarQuote, literal } from '../../../sql.ts'
import { row, run } from '../../query.ts'

/** What has become of the things that the restored definitions need. */
export interface NeedsNow {
  /** Those that cannot be found by their names. */
  readonly gone: readonly Need[]
  /** Those in schemas that the session may not look into. */
  readonly closed: readonly Need[]
  /** Those that the session had a privilege on; `identity` is how GRANT calls them. */
  readonly lost: readonly (Need & { readonly identity: string })[]
  /** Those that are there and otherwise than they were. */
  readonly altered: readonly (Need & Altered)[]
  /** Those whose names others bear by now, as far as identifiers tell: none in a database that came from a dump. */
  readonly replaced: readonly (Need & Replaced)[]
}

interface Replaced {
  /** What is called so by now that was meant; null where it is gone. */
  readonly was: string | null
  /** The table that it is, or is of, where that is another table; else null. */
  readonly table: string | null
}

interface Altered {
  readonly now: string | null
  /** Of an enum: the identifiers of its labels now. */
  readonly labelsNow: string | null
  /** It is what it was, not another of its name: null where identifiers cannot tell. */
  readonly same: boolean | null
  /** Of a column: one of the types is made of the other where that is needed. */
  readonly castable: boolean
}

/** What keeps its identifier through pg_upgrade; functions, operators, collations and others get new ones. */
const KEPT_BY_UPGRADE = `('pg_class', 'pg_type', 'pg_authid')`

/** @param major the server's when they were recorded */
export async function readNeeds(
  db: AnyKysely,
  { needs = [], ledger = '' }: Pick<RecordedPlan, 'needs' | 'ledger'>,
  major: number,
): Promise<NeedsNow> {
  if (needs.length === 0) return { gone: [], closed: [], lost: [], altered: [], replaced: [] }
  const body = `
declare
  need record;
  found record;
  now text;
  same bool;
  answers jsonb := '[]';
begin
  for need in
    select n.ordinality - 1 as n, n.type, n.names, n.args, n.held, n.state, n.identity, n.named, n.role
    from rows from (pg_catalog.json_to_recordset(${literal(JSON.stringify(needs))}) as (type text, names text[], args text[], held bool, state text, identity text, named bool, role text)) with ordinality n
  loop
    begin
      if need.named is false then
        select k.tableoid as classid, k.oid as objid, 0 as objsubid into found from pg_catalog.pg_constraint k
        where k.contype = 'p' and k.conrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', need.names[1], need.names[2]));
        if found.objid is null then
          raise undefined_object;
        end if;
      else
        select * into found from pg_catalog.pg_get_object_address(need.type, need.names, need.args);
      end if;
      now := ${stateOf('found.classid', 'found.objid', 'found.objsubid')};
      if (need.held or need.type = 'tablespace') and not (case found.classid
          when 'pg_catalog.pg_proc'::pg_catalog.regclass then coalesce((select pg_catalog.has_function_privilege(r.oid, found.objid, 'EXECUTE')
            from pg_catalog.pg_roles r where r.rolname = coalesce(need.role, current_user)), true)
          when 'pg_catalog.pg_type'::pg_catalog.regclass then pg_catalog.has_type_privilege(found.objid, 'USAGE')
          when 'pg_catalog.pg_class'::pg_catalog.regclass then coalesce((select pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE, UPDATE')
            from pg_catalog.pg_sequence s where s.seqrelid = found.objid), true)
          when 'pg_catalog.pg_tablespace'::pg_catalog.regclass then pg_catalog.has_tablespace_privilege(found.objid, 'CREATE')
          else true end) then
        answers := answers || pg_catalog.jsonb_build_object('n', need.n, 'state', 'lost', 'identity',
          (select i.identity from pg_catalog.pg_identify_object(found.classid, found.objid, found.objsubid) i));
      end if;
      same := case when ${ledgerOid} = ${literal(ledger)} and (pg_catalog.current_setting('server_version_num')::int / 10000 = ${String(major)}
        or pg_catalog.split_part(need.identity, ':', 1) in ${KEPT_BY_UPGRADE}) then need.identity = ${identityOf('found.classid', 'found.objid', 'found.objsubid')} end;
      if not same then
        answers := answers || pg_catalog.jsonb_build_object('n', need.n, 'state', 'replaced', 'was', ${describedOf('need.identity')},
          'table', (select pg_catalog.pg_describe_object(found.classid, c.oid, 0) from pg_catalog.pg_class c
            where found.classid = c.tableoid and c.oid = found.objid and c.relkind in ('r', 'p', 'f')
              and c.oid::text <> pg_catalog.split_part(need.identity, ':', 2)));
      end if;
      if need.state <> coalesce(now, '') then
        answers := answers || pg_catalog.jsonb_build_object('n', need.n, 'state', 'altered', 'now', now, 'same', same,
          'labelsNow', ${labelsOf('found.classid', 'found.objid')},
          'castable', need.type ~ 'column$' and exists (select from pg_catalog.pg_cast c where c.castcontext = 'i'
            and (c.castsource = pg_catalog.to_regtype(${typeOf('need.state')}) and c.casttarget = pg_catalog.to_regtype(${typeOf('now')})
              or c.castsource = pg_catalog.to_regtype(${typeOf('now')}) and c.casttarget = pg_catalog.to_regtype(${typeOf('need.state')}))));
      end if;
    exception
      when undefined_object or undefined_table or undefined_column or undefined_function or invalid_schema_name or wrong_object_type then
        answers := answers || pg_catalog.jsonb_build_object('n', need.n, 'state', 'gone');
      when insufficient_privilege then
        answers := answers || pg_catalog.jsonb_build_object('n', need.n, 'state', 'closed');
    end;
  end loop;
  perform pg_catalog.set_config('unship.report', answers::text, false);
end`
  await run(db, `do ${dollarQuote(body, 'needs')}`)
  const { found } = await row<{ found: string }>(db, `select pg_catalog.current_setting('unship.report') as found`)
  const answers = JSON.parse(found) as { n: number; state: keyof NeedsNow }[]
  const those = <Found>(state: keyof NeedsNow) =>
    answers.flatMap(({ n, state: is, ...answer }) =>
      is === state && needs[n] ? [{ ...needs[n], ...(answer as unknown as Found) }] : [],
    )
  return {
    gone: those('gone'),
    closed: those('closed'),
    lost: those<{ identity: string }>('lost'),
    altered: those<Altered>('altered'),
    replaced: those<Replaced>('replaced'),
  }
}

/** What is at an address; null where nothing is. */
const describedOf = (identity: string) => {
  const part = (n: number) => `pg_catalog.split_part(${identity}, ':', ${String(n)})`
  return `(select pg_catalog.pg_describe_object(a.classid, a.objid, a.objsubid)
            from (values (pg_catalog.to_regclass('pg_catalog.' || ${part(1)})::pg_catalog.oid, ${part(2)}::pg_catalog.oid, ${part(3)}::int)) a(classid, objid, objsubid)
            where a.objsubid = 0 or exists (select from pg_catalog.pg_attribute m
              where m.attrelid = a.objid and m.attnum = a.objsubid and not m.attisdropped))`
}

/** Without its collation. */
const typeOf = (state: string) => `pg_catalog.split_part(${state}, ' collate ', 1)`

/** Each thing once, with all that needs it. */
export function neededBy(needs: readonly Need[]): { readonly description: string; readonly needed: string }[] {
  const users = new Map<string, Set<string>>()
  for (const { description, by } of needs) users.set(description, (users.get(description) ?? new Set()).add(by))
  return [...users].map(([description, by]) => ({
    description,
    needed: `${[...by].join(', ')} ${by.size > 1 ? 'need' : 'needs'} it`,
  }))
}
