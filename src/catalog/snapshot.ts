import type { AnyKysely } from '../any-kysely.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { boundQuery, type Bound } from './bound.ts'
import { candidateAddress } from './declared.ts'
import { readDefinitions, type CatalogRows } from './definitions.ts'
import { addressKey, byName, edgeQuery, nodeQuery, type Address, type Edge, type Node } from './dependency.ts'
import {
  mentionQuery,
  readEnvironment,
  roleQuery,
  schemaRightQuery,
  type Environment,
  type Mention,
  type Role,
  type SchemaRight,
} from './environment.ts'
import { oidArray, type Oid, type Scope } from './fragments.ts'
import { readNamings, type Naming } from './identifiers.ts'
import { neededQuery, type Needed } from './needed.ts'
import { readJson, readTogether } from './read.ts'
import { readQuery, type Read } from './reads.ts'
import { sizeQuery, type RelationSize } from './relation.ts'
import { readDeclared, type ResolvedName } from './resolve.ts'
import { rowUserQuery, type RowUser } from './row-user.ts'
import { textQuery, type Text } from './texts.ts'
import { memberColumnQuery, memberQuery, partitionKeyQuery, type Member, type PartitionKey } from './tree.ts'
import { uncallableQuery, type Uncallable } from './uncallable.ts'

/** Everything that the planner knows of a database. */
export interface Snapshot extends CatalogRows {
  readonly environment: Environment
  /** The objects whose catalog rows these are, and a checksum of the rows. */
  readonly scope: Scope
  readonly checksum: string
  readonly sizes: readonly RelationSize[]
  readonly declared: readonly ResolvedName[]
  /** What the declaration names, and everything that hangs on it. */
  readonly roots: readonly Address[]
  readonly nodes: readonly Node[]
  readonly edges: readonly Edge[]
  /** The partitions of tables that lose columns. */
  readonly members: readonly Member[]
  readonly partitionKeys: readonly PartitionKey[]
  readonly roles: readonly Role[]
  readonly schemaRights: readonly SchemaRight[]
  readonly mentions: readonly Mention[]
  /** What they depend on besides. */
  readonly needed: readonly Needed[]
  /** What their words were taken to mean when they were created. */
  readonly bound: readonly Bound[]
  /** What filling tables that lose columns would run. */
  readonly uncallable: readonly Uncallable[]
  /** What filling materialized views selects from. */
  readonly reads: readonly Read[]
  /** What speaks of rows of tables that lose columns. */
  readonly rowUsers: readonly RowUser[]
  readonly namings: readonly Naming[]
  /** What evaluating materialized views, and what belongs to tables, runs. */
  readonly texts: readonly Text[]
  /** Names in use: relations, types, functions and statistics of all schemas. */
  readonly taken: readonly {
    readonly nspname: string
    readonly name: string
    readonly catalog: string
    readonly ours: boolean
  }[]
  /** Those that backups of removals have, as the ledger says. */
  readonly kept: readonly KeptName[]
  /** The host tables of runs that have not ended, of any feature. */
  readonly unfinished: readonly UnfinishedRun[]
}

/** A run that has not ended, by each of its host tables and their partitions. */
export interface UnfinishedRun {
  readonly run: string
  readonly feature: string
  readonly direction: 'removal' | 'restore'
  readonly schema: string
  readonly name: string
  /** Its key columns, and those that go or come back. */
  readonly columns: readonly string[]
  /** The triggers that log its changes stand on it. */
  readonly watched: boolean
}

/** A name that a backup has, or what hangs on one. */
export interface KeptName {
  readonly schema: string
  readonly name: string
  readonly catalog: string
  /** The removed feature. */
  readonly feature: string
  /** It is a table that an archive renames: what hangs on it, and partitions, keep their names there. */
  readonly backup: boolean
}

/** What functions may name in their text. */
const NAMED_IN_TEXTS = ['tables', 'views', 'functions', 'types', 'sequences']

/**
 * Reads what a removal of the feature needs to know. The server locks in ACCESS SHARE, until each query ends, what views, rules, sizes and
 * partitions are printed of, one relation after the other: who calls this must not wait long for one of them.
 */
export async function readSnapshot(db: AnyKysely, feature: FeatureDeclaration, named: AnyKysely): Promise<Snapshot> {
  const environment = await readEnvironment(db)
  const declared = await readDeclared(db, feature, named)
  const { members, partitionKeys, columns } = await readTrees(db, declared)
  const roots = [...declared.flatMap((d) => rootsOf(d)), ...columns]
  const nodes = roots.length === 0 ? [] : byName(await readJson<Node>(db, nodeQuery(roots)), roots)
  const edges = roots.length === 0 ? [] : await readJson<Edge>(db, edgeQuery(roots))
  const scope = await scopeOf(db, declared, nodes, edges, members)
  const { rows, checksum } = await readDefinitions(db, scope, environment.major)
  const concerned = [
    ...declared.filter((d) => NAMED_IN_TEXTS.includes(d.field)).map((d) => d.name),
    ...declared.filter((d) => d.field === 'columns').flatMap((d) => [d.part ?? '', d.name]),
  ]
  const hosts = declared.flatMap((d) => (d.field === 'columns' && d.found ? [d.found.objid] : []))
  const more = await readTogether<Additional>(db, {
    roles: roleQuery(environment.major),
    schemaRights: schemaRightQuery,
    mentions: mentionQuery([...new Set(concerned)]),
    sizes: sizeQuery(scope),
    rowUsers: rowUserQuery(hosts),
    texts: textQuery(evaluated(nodes, [...hosts, ...members.map((m) => m.relid)])),
    needed: roots.length === 0 ? 'select null where false' : neededQuery(roots),
    bound: roots.length === 0 ? 'select null where false' : boundQuery(roots),
    uncallable: uncallableQuery(`select pg_catalog.unnest(${oidArray(hosts)})`),
    reads: readQuery(
      nodes.filter((n) => n.relkind === 'm' && n.objsubid === 0).map((n) => n.objid),
      environment.major,
    ),
    taken: takenQuery,
  })
  const namings = await readNamings(db, nodes)
  return {
    environment,
    scope,
    checksum,
    declared,
    roots,
    nodes,
    edges,
    members,
    partitionKeys,
    namings,
    ...rows,
    ...more,
    kept: [],
    unfinished: [],
  }
}

/** What is read together, after the rows. */
type Additional = {
  [
    K in
      | 'roles'
      | 'schemaRights'
      | 'mentions'
      | 'sizes'
      | 'rowUsers'
      | 'texts'
      | 'needed'
      | 'bound'
      | 'uncallable'
      | 'reads'
      | 'taken'
  ]: Snapshot[K][number][]
}

/** Of what hangs on a feature: what PostgreSQL evaluates; of columns, those of tables that lose some. */
const evaluated = (nodes: readonly Node[], hosts: readonly Oid[]): Node[] =>
  nodes.filter(
    ({ catalog, objid, objsubid, relkind }) =>
      (relkind === 'm' && objsubid === 0) ||
      ['pg_attrdef', 'pg_constraint'].includes(catalog) ||
      relkind === 'i' ||
      relkind === 'I' ||
      (catalog === 'pg_class' && objsubid > 0 && hosts.includes(objid)),
  )

/** The trees of partitioned tables that lose columns, and those columns in their partitions. */
async function readTrees(
  db: AnyKysely,
  declared: readonly ResolvedName[],
): Promise<{ members: Member[]; partitionKeys: PartitionKey[]; columns: Address[] }> {
  const found = declared.flatMap((d) =>
    d.field === 'columns' && d.found?.relkind === 'p' ? [[d.found.objid, d.part ?? ''] as const] : [],
  )
  if (found.length === 0) return { members: [], partitionKeys: [], columns: [] }
  const roots = [...new Set(found.map(([oid]) => oid))]
  const members = await readJson<Member>(db, memberQuery(roots))
  const relations = [...roots, ...members.map((m) => m.relid)]
  const partitionKeys = await readJson<PartitionKey>(db, partitionKeyQuery(relations))
  const columns = await readJson<Address>(db, memberColumnQuery(members, found))
  return { members, partitionKeys, columns }
}

/** Names in use in some schemas, and whether the session owns what bears them. */
const takenQuery = `
  select n.nspname, o.name, o.catalog, o.ours from pg_catalog.pg_namespace n
  join (
    select relnamespace as nsp, relname as name, 'pg_class' as catalog, pg_catalog.pg_has_role(relowner, 'USAGE') as ours from pg_catalog.pg_class
    union all select typnamespace, typname, 'pg_type', pg_catalog.pg_has_role(typowner, 'USAGE') from pg_catalog.pg_type
    union all select pronamespace, proname, 'pg_proc', pg_catalog.pg_has_role(proowner, 'USAGE') from pg_catalog.pg_proc
    union all select stxnamespace, stxname, 'pg_statistic_ext', pg_catalog.pg_has_role(stxowner, 'USAGE') from pg_catalog.pg_statistic_ext
  ) o on o.nsp = n.oid
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`

function rootsOf({ found }: ResolvedName): Address[] {
  return found ? [candidateAddress(found)] : []
}

/** The relations, routines and types whose rows the planner needs. */
async function scopeOf(
  db: AnyKysely,
  declared: readonly ResolvedName[],
  nodes: readonly Node[],
  edges: readonly Edge[],
  members: readonly Member[],
): Promise<Scope> {
  // the constructors of a range type are parts of it
  const parts = new Set(edges.filter((e) => e.deptype === 'i').map((e) => e.dependent))
  const relations = new Set<Oid>(members.map((m) => m.relid))
  const routines = new Set<Oid>()
  const types = new Set<Oid>()
  for (const { field, found } of declared) if (found && field === 'columns') relations.add(found.objid)
  for (const node of nodes) {
    if (node.catalog === 'pg_class' && node.relkind !== 'i' && node.relkind !== 'I') relations.add(node.objid)
    if (node.owner_relid !== null) relations.add(node.owner_relid)
    if (node.catalog === 'pg_proc' && !parts.has(addressKey(node))) routines.add(node.objid)
    if (node.catalog === 'pg_type') types.add(node.objid)
  }
  if (relations.size > 0) {
    const list = [...relations].join(',')
    const neighbours = await readJson<{ oid: Oid }>(
      db,
      `select distinct x.oid from pg_catalog.pg_constraint k
       cross join lateral (values (k.conrelid), (k.confrelid)) x(oid)
       where k.contype = 'f' and x.oid <> 0 and (k.conrelid in (${list}) or k.confrelid in (${list}))`,
    )
    for (const { oid } of neighbours) relations.add(oid)
  }
  return { relations: [...relations], routines: [...routines], types: [...types] }
}
