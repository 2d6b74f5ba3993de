import type { Mention } from '../../catalog/environment.ts'
import type { Trigger } from '../../catalog/trigger.ts'
import { columnsMove } from './column-order.ts'
import { needsRecreation } from '../parts.ts'
import { escaped } from '../../sql.ts'
import { leavingNames } from './kept-triggers.ts'
import { manyPartitions } from '../review/lock-table.ts'
import { shown, type Model } from '../model.ts'
import { namingWarnings } from './namings.ts'
import type { HostPlan } from '../plan.ts'
import { publicationWarnings } from './published-reasons.ts'
import { unloggedWarnings } from './unlogged.ts'

/** What may go wrong and leaves no trace in the catalog, or is lost meanwhile: each with its evidence. */
export const planWarnings = (model: Model, hosts: readonly HostPlan[]): string[] => [
  ...model.snapshot.mentions.flatMap((mention) => mentionWarning(model, mention)),
  ...policyWarnings(model),
  ...wholeRowTriggers(model),
  ...hosts.flatMap(keyWarning),
  ...refreshWarnings(model),
  ...unloggedWarnings(model),
  ...publicationWarnings(model),
  ...namingWarnings(model),
  ...manyPartitions(model),
]

/** Functions that PostgreSQL does not tie to what their text mentions. */
function mentionWarning(model: Model, { objid, signature, names, prosrc, returns_rows_of }: Mention): string[] {
  const listed =
    returns_rows_of !== null && columnsMove(model, returns_rows_of) && !/(?:^|[\s,.])\*/.test(prosrc)
      ? [
          `function ${signature} returns rows of ${shown(model.name(returns_rows_of))}, whose restored columns stand last: if it lists them by their place, it fails after the restore`,
        ]
      : []
  if (model.nodes.has(`pg_proc:${objid}:0`)) return listed
  const leaving = new Set([
    ...leavingNames(model),
    ...[...model.removed.values()].flatMap((columns) => columns.map((c) => c.attname)),
  ])
  const gone = names.filter((name) => leaving.has(name))
  if (gone.length > 0)
    return [`function ${signature} mentions ${gone.join(', ')} in its text and may fail without the feature`, ...listed]
  const hosts = [...model.removed.keys()].map((oid) => model.name(oid).name)
  const whole = hosts.filter((host) => names.includes(host) && takesWholeRows(prosrc, host))
  return whole.length > 0
    ? [`function ${signature} takes or writes whole rows of ${whole.join(', ')}, whose columns change`]
    : listed
}

/** `select *`, `%rowtype`, or an INSERT without a list of columns. */
function takesWholeRows(text: string, table: string): boolean {
  const name = `(?:[\\w"]+\\s*\\.\\s*)?"?${escaped(table)}"?`
  return (
    new RegExp(`${name}\\s*%\\s*rowtype`, 'i').test(text) ||
    new RegExp(`insert\\s+into\\s+${name}(?:\\s+(?:as\\s+)?\\w+)?\\s+(?:values|select|\\(\\s*select)\\b`, 'i').test(
      text,
    ) ||
    /(?:select|returning)\s+(?:[\w"]+\s*\.\s*)*\*/i.test(text)
  )
}

/** While its only permissive policies are away, nobody but the owner sees a row. */
function policyWarnings(model: Model): string[] {
  const { policies } = model.snapshot
  return policies
    .filter((p) => !model.moved.has(p.polrelid) && needsRecreation(model, 'pg_policy', p.oid, p.polrelid))
    .map((p) => {
      const table = shown(model.name(p.polrelid))
      const others = policies.filter(
        (o) => o.polrelid === p.polrelid && o.polpermissive && !needsRecreation(model, 'pg_policy', o.oid, o.polrelid),
      )
      const meanwhile = !p.polpermissive
        ? 'rows that it kept back are seen meanwhile'
        : others.length > 0
          ? 'rows that it alone allowed are not seen meanwhile'
          : 'it leaves no permissive policy there, and roles that policies bind see no rows meanwhile'
      return `policy ${p.polname} of ${table} goes: ${meanwhile}`
    })
}

/** Audit triggers that keep whole rows: neither removed nor, until the reveal, restored columns look as they did. */
const wholeRowTriggers = (model: Model): string[] =>
  model.snapshot.triggers
    .filter((t) => model.isHost(t.tgrelid) && !model.nodes.has(`pg_trigger:${t.oid}:0`) && keepsWholeRows(t))
    .map(
      (t) =>
        `trigger ${t.tgname} of ${shown(model.name(t.tgrelid))} keeps whole rows: without the removed columns meanwhile, and under hidden names while they are restored`,
    )

const keepsWholeRows = ({ prosrc }: Trigger) =>
  /\b(?:to_jsonb?|row_to_json|hstore)\s*\(\s*(?:new|old)\b|\b(?:new|old)\s*\.\s*\*|\b(?:new|old)\s*::\s*text/i.test(
    prosrc,
  )

const keyWarning = (host: HostPlan): string[] =>
  host.keyMayChange
    ? [
        `rows of ${shown(host.table)} are found again by ${host.key.join(', ')}: a row whose key changes while the feature is away does not get its values back, and a new row under the key of one that was deleted gets the deleted one's`,
      ]
    : []

const refreshWarnings = (model: Model): string[] =>
  model.snapshot.relations
    .filter((r) => model.views.has(r.oid) && r.relkind === 'm' && r.relispopulated)
    .map(
      (r) =>
        `materialized view ${shown(model.name(r.oid))} comes back refreshed: rows of its own that were out of date are not kept; where REFRESH MATERIALIZED VIEW fails, so will the restore, so run that first`,
    )
