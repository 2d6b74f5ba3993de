import type { AnyKysely } from '../any-kysely.ts'
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
}

export async function readNeeds(db: AnyKysely, needs: readonly Need[]): Promise<NeedsNow> {
  if (needs.length === 0) return { gone: [], closed: [], lost: [] }
  const body = `
declare
  need record;
  found record;
  answers jsonb := '[]';
begin
  for need in
    select n.ordinality - 1 as n, n.type, n.names, n.args, n.held
    from rows from (pg_catalog.json_to_recordset(${literal(JSON.stringify(needs))}) as (type text, names text[], args text[], held bool)) with ordinality n
  loop
    begin
      select * into found from pg_catalog.pg_get_object_address(need.type, need.names, need.args);
      if need.held and not (case found.classid
          when 'pg_catalog.pg_proc'::pg_catalog.regclass then pg_catalog.has_function_privilege(found.objid, 'EXECUTE')
          when 'pg_catalog.pg_type'::pg_catalog.regclass then pg_catalog.has_type_privilege(found.objid, 'USAGE')
          else true end) then
        answers := answers || pg_catalog.jsonb_build_object('n', need.n, 'state', 'lost', 'identity',
          (select i.identity from pg_catalog.pg_identify_object(found.classid, found.objid, found.objsubid) i));
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
  const answers = JSON.parse(found) as { n: number; state: keyof NeedsNow; identity?: string }[]
  const those = (state: keyof NeedsNow) =>
    answers.flatMap(({ n, state: is, identity = '' }) => (is === state && needs[n] ? [{ ...needs[n], identity }] : []))
  return { gone: those('gone'), closed: those('closed'), lost: those('lost') }
}

/** Each thing once, with all that needs it. */
export function neededBy(needs: readonly Need[]): { readonly description: string; readonly needed: string }[] {
  const users = new Map<string, Set<string>>()
  for (const { description, by } of needs) users.set(description, (users.get(description) ?? new Set()).add(by))
  return [...users].map(([description, by]) => ({
    description,
    needed: `${[...by].join(', ')} ${by.size > 1 ? 'need' : 'needs'} it`,
  }))
}
