import type { CatalogRows } from '../../catalog/definitions.ts'
import { shortened } from '../../names.ts'
import { dollarQuote, id, literal, qualified } from '../../sql.ts'
import { revokeFromOthers } from '../objects/acl.ts'
import { backedUp, columnNames, list, onKey } from './backup.ts'
import type { HostPlan, PlannedColumn } from '../plan.ts'
import { dropTriggersOf, forEachClone } from '../tree.ts'
import { serving } from './unserved.ts'

/** What serves rows that come, or change their keys, while hidden columns are filled. */
export interface LateRows {
  readonly made: readonly string[]
  readonly gone: readonly string[]
}

/**
 * A row that comes under a backed-up key while columns are hidden, as where an application replaces rows by deleting and inserting
 * them, may come after that key's batch, even after the verification; one whose key changes would keep the values of the former one.
 * So a trigger gives such a row, as it is written, what the backup has for its key: there is nothing left to do under the locks of
 * the reveal, which drops it.
 *
 * It fires after other BEFORE triggers, those that fill hidden columns too: what is backed up counts, even NULL. A key that is
 * computed is not known yet by then: rows with such keys are left to the verification.
 *
 * A BEFORE UPDATE trigger has PostgreSQL compute all generated columns again with each update, filling too, which must leave them as they are:
 * where a table has one, there is none, and a row whose key changes keeps what it was filled with.
 */
export const serveLateRows = (hosts: readonly HostPlan[], feature: string, rows: CatalogRows): LateRows[] =>
  hosts.flatMap((host) => {
    const computed = computedIn(host, rows)
    const served = host.columns.length > 0 && !host.key.some((name) => computed.includes(name))
    return served ? [lateRowsOf(host, feature, computed.length === 0)] : []
  })

const computedIn = ({ table }: HostPlan, { relations, columns }: CatalogRows): string[] => {
  const relation = relations.find((r) => r.nspname === table.schema && r.relname === table.name)
  return columns.filter((c) => c.attrelid === relation?.oid && c.attgenerated !== '').map((c) => c.attname)
}

function lateRowsOf(host: HostPlan, feature: string, rekeyed: boolean): LateRows {
  const { table, key, columns, watch } = host
  const name = { ...watch.routine, name: watch.routine.name.replace(/^watch_/, 'late_') }
  const routine = qualified(name)
  const on = qualified(table)
  const body = `
#variable_conflict use_column
declare
  backed_up record;
begin${serving(
    feature,
    `    select ${list(columnNames(host), 'b.')} into backed_up from ${backedUp(host)} b where ${onKey(host, 'b', 'new')};
    if found then
${columns.map((c) => `      new.${id(c.hidden)} := backed_up.${id(c.name)};`).join('\n')}
    elsif tg_op = 'UPDATE' then
${columns.map((c) => `      new.${id(c.hidden)} := ${given(host, c)};`).join('\n')}
    end if;`,
  )}
end`
  const keyChanged = `pg_catalog.record_image_ne(row(${list(key, 'old.')}), row(${list(key, 'new.')}))`
  const trigger = (event: 'insert' | 'update', when: string) => {
    const called = shortened(`~unship_late_${feature}_${event}`)
    const always = (of: string, clone: string) => `alter table ${of} enable always trigger ${clone}`
    return [
      `create trigger ${id(called)} before ${event} on ${on} for each row${when} execute function ${routine}()`,
      host.members ? forEachClone(table, called, (of, clone) => always(`only ${of}`, clone)) : always(on, id(called)),
    ]
  }
  return {
    made: [
      `create function ${routine}() returns trigger language plpgsql security definer set search_path = '' as ${dollarQuote(body, 'late')}`,
      revokeFromOthers({
        ...{ object: `function ${routine}()`, catalog: 'pg_proc', aclColumn: 'proacl', owner: '' },
        oid: `${literal(`${routine}()`)}::pg_catalog.regprocedure::pg_catalog.oid`,
        publicDefault: 'execute',
      }),
      ...trigger('insert', ''),
      ...(rekeyed ? trigger('update', ` when (${keyChanged})`) : []),
    ],
    gone: [dropTriggersOf(name), `drop function if exists ${routine}()`],
  }
}

/** What a row is given for whose key nothing is backed up, as one that had come under it would be. */
const given = ({ table }: HostPlan, { filler, blank, type }: PlannedColumn): string =>
  filler === null ? blank : `(select cast((${filler}) as ${type}) from (select new.*) as ${id(table.name)})`
