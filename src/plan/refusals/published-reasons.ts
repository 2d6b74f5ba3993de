import type { Column } from '../../catalog/column.ts'
import type { Index } from '../../catalog/index.ts'
import type { Membership } from '../../catalog/publication.ts'
import type { Relation } from '../../catalog/relation.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { storedColumns } from '../objects/host.ts'
import { shown, type Model } from '../model.ts'
import { identityColumns, membershipsOf, publishedColumns, reducedColumns } from '../objects/publications.ts'

/** What a publication of everything, or of a whole schema, would do to its subscribers. */
export const wideReason = ({ pubname, nspname }: { pubname: string; nspname: string | null }) =>
  `publication ${pubname} would publish the backups${nspname === null ? ", the watch's log and the ledger" : ''}: it is for ${
    nspname === null ? 'all tables' : `tables in schema ${nspname}`
  }, and its subscribers, which lack these, would stop`

/** Of the reasons against a removal, those that speak of such a publication. */
export const isWide = (reason: string) => reason.includes(' would publish the backups')

/** Publishing by name is what can be taken back for one table. */
export const WIDE_HINT =
  'Let its subscriptions use a publication FOR TABLE instead; the runbook says how ("Publications and subscribers").'

/** Why a table's columns could not be hidden from its subscribers while a restore fills them. */
export function hidingReasons(
  { major }: { readonly major: number },
  name: string,
  relation: Pick<Relation, 'oid' | 'relreplident'>,
  columns: readonly Column[],
  indexes: readonly Index[],
  membership: Membership,
): string[] {
  const { pubname, pubupdate, pubdelete } = membership
  if (major < 15)
    return [
      `${name} is published by ${pubname}: its subscribers would break, since without column lists, which came with PostgreSQL 15, they would be sent the columns while these are hidden`,
    ]
  const identity = identityColumns(relation, indexes)
  if (identity === 'none')
    return pubupdate
      ? [`${name} is published by ${pubname} and has no replica identity: its columns could not be filled again`]
      : []
  // with a list of its own, what fails now fails anyway, but the fill is an UPDATE
  if (!pubupdate && (!pubdelete || membership.columns !== null)) return []
  if (identity === 'full')
    return [
      `${name} is published by ${pubname} with REPLICA IDENTITY FULL: its UPDATE and DELETE fail with a column list, which would have to hide the columns that come back`,
    ]
  const list = publishedColumns(membership, columns)
  const named = (wanted: readonly Column[]) => wanted.map((c) => c.attname).join(', ')
  const missing = columns.filter((c) => identity.includes(c.attnum) && !list.includes(c.attname))
  const unfit = columns.filter((c) => membership.filter_columns.includes(c.attnum) && !identity.includes(c.attnum))
  return [
    ...(missing.length > 0
      ? [
          `${name} is published by ${pubname}, whose column list ${membership.columns ? 'leaves out' : 'could not name'} ${named(missing)} of its replica identity: its UPDATE would fail`,
        ]
      : []),
    ...(unfit.length > 0 && pubupdate
      ? [
          `${name} is published by ${pubname}, whose row filter reads ${named(unfit)}, which is not of its replica identity: its UPDATE fails`,
        ]
      : []),
  ]
}

/** Publications that a removal, or its restore, could not keep as they are. */
export function publicationReasons(model: Model): string[] {
  const { snapshot } = model
  const reasons: string[] = []
  for (const oid of new Set([...model.gone.keys(), ...model.moved])) {
    const r = model.relation(oid)
    const name = `${r.relispartition ? 'partition' : model.isHost(oid) ? 'host table' : 'relation'} ${shown(model.name(oid))}`
    // a partitioned table itself is named by a publication whatever is sent of it
    const publications = [...new Set([...r.publications, ...membershipsOf(model, oid).map((m) => m.pubname)])]
    if (publications.length > 0 && (r.relkind === 'p' || r.relispartition))
      reasons.push(`${name} is published by ${publications.join(', ')} as part of a partition tree`)
    if (!model.isHost(oid)) continue
    for (const m of membershipsOf(model, oid)) {
      const reduced = reducedColumns(model, m)
      if (storedColumns(model, oid).length > 0)
        reasons.push(...hidingReasons(snapshot.environment, name, r, model.columns(oid), snapshot.indexes, m))
      else if (reduced?.length !== m.columns?.length)
        reasons.push(`the column list of ${name} in publication ${m.pubname} names generated columns alone that go`)
      const read = model
        .columns(oid)
        .filter((c) => m.filter_columns.includes(c.attnum) && model.isRemoved(oid, c.attnum))
      if (read.length > 0)
        reasons.push(
          `the row filter of ${name} in publication ${m.pubname} reads ${read.map((c) => c.attname).join(', ')}: without it other rows would be published`,
        )
      if (reduced?.length === 0)
        reasons.push(`publication ${m.pubname} publishes nothing of ${name} but removed columns`)
    }
  }
  for (const wide of snapshot.environment.wide_publications)
    if (concerns(model, wide.nspname)) reasons.push(wideReason(wide))
  return reasons
}

const concerns = (model: Model, schema: string | null) =>
  schema === null ||
  schema === LEDGER_SCHEMA ||
  [...model.gone.keys(), ...model.moved].some((oid) => model.name(oid).schema === schema)

/** What the database's administrator has to know of subscribers, which we cannot see. */
export function publicationWarnings(model: Model): string[] {
  const warnings: string[] = []
  for (const [oid, removed] of model.removed)
    for (const m of membershipsOf(model, oid)) {
      const sent = publishedColumns(m, model.columns(oid))
      const gone = removed.filter((c) => sent.includes(c.attname))
      if (gone.length === 0) continue
      const names = gone.map((c) => c.attname).join(', ')
      const demanding = gone.filter((c) => c.attnotnull && c.default === null && c.attidentity === '')
      warnings.push(
        `subscribers of publication ${m.pubname} get rows of ${shown(model.name(oid))} without ${names} until the restore, and must have these columns by then${
          demanding.length > 0
            ? `; where ${demanding.map((c) => c.attname).join(', ')} is NOT NULL there, they need a default`
            : ''
        }`,
      )
    }
  for (const oid of model.moved)
    for (const { pubname } of membershipsOf(model, oid))
      warnings.push(
        `table ${shown(model.name(oid))} leaves publication ${pubname} until the restore: a subscription that is refreshed meanwhile forgets it, and must be refreshed again afterwards`,
      )
  for (const { slot_name, plugin } of model.snapshot.environment.other_slots)
    warnings.push(
      `replication slot ${slot_name} uses plugin ${plugin}, which knows no publications: its reader is sent the backups, the ledger, and columns under hidden names`,
    )
  return warnings
}
