import type { AnyKysely } from '../any-kysely.ts'
import { stateOf } from '../catalog/needed.ts'
import type { Need } from '../plan/needs.ts'
import { dollarQuote, literal } from '../sql.ts'
import { row, run } from './query.ts'

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
}

interface Altered {
  readonly now: string | null
  /** Of a column: one of the types is made of the other where that is needed. */
  readonly castable: boolean
}

export async function readNeeds(db: AnyKysely, needs: readonly Need[]): Promise<NeedsNow> {
  if (needs.length === 0) return { gone: [], closed: [], lost: [], altered: [] }
  const body = `
declare
  need record;
  found record;
  now text;
  answers jsonb := '[]';
begin
  for need in
    select n.ordinality - 1 as n, n.type, n.names, n.args, n.held, n.state
    from rows from (pg_catalog.json_to_recordset(${literal(JSON.stringify(needs))}) as (type text, names text[], args text[], held bool, state text)) with ordinality n
  loop
    begin
      select * into found from pg_catalog.pg_get_object_address(need.type, need.names, need.args);
      now := ${stateOf('found.classid', 'found.objid', 'found.objsubid')};
      if need.held and not (case found.classid
          when 'pg_catalog.pg_proc'::pg_catalog.regclass then pg_catalog.has_function_privilege(found.objid, 'EXECUTE')
          when 'pg_catalog.pg_type'::pg_catalog.regclass then pg_catalog.has_type_privilege(found.objid, 'USAGE')
          else true end) then
        answers := answers || pg_catalog.jsonb_build_object('n', need.n, 'state', 'lost', 'identity',
          (select i.identity from pg_catalog.pg_identify_object(found.classid, found.objid, found.objsubid) i));
      end if;
      if need.state <> coalesce(now, '') then
        answers := answers || pg_catalog.jsonb_build_object('n', need.n, 'state', 'altered', 'now', now,
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
  }
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
