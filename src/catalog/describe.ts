import { isDeepStrictEqual } from 'node:util'
import type { AnyKysely } from '../any-kysely.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { literal, type QualifiedName } from '../sql.ts'
import { readJson } from './read.ts'
import type { Acl, AclEntry, Oid } from './fragments.ts'
import { isForReferencedPartition } from './constraint.ts'
import { readMajor } from './environment.ts'
import { readRows, type CatalogRows } from './definitions.ts'

/** Definitions by identity (`index public.idx`), free of object identifiers and of column order. */
export type Description = Record<string, unknown>

/**
 * Describes catalog rows so that two descriptions are equal exactly when a
 * dump of the objects is, column order aside.
 */
export function describe(rows: CatalogRows): Description {
  const relations = new Map(rows.relations.map((r) => [r.oid, r]))
  const name = (oid: Oid) => {
    const r = relations.get(oid)
    return r ? `${r.nspname}.${r.relname}` : oid
  }
  const described = (oid: Oid) => relations.has(oid)
  const columns = new Map(rows.columns.map((c) => [`${c.attrelid}.${c.attnum}`, c]))
  const indexes = new Map(rows.indexes.map((i) => [i.indexrelid, i]))
  const all: Description = {}

  for (const r of rows.relations) {
    if (r.relkind === 'c') continue
    all[`${kindOf(r.relkind)} ${r.nspname}.${r.relname}`] = {
      owner: r.owner,
      persistence: r.relpersistence,
      options: r.reloptions,
      toastOptions: r.toast_options,
      accessMethod: r.amname,
      tablespace: r.tablespace,
      rowSecurity: [r.relrowsecurity, r.relforcerowsecurity],
      replicaIdentity: r.relreplident,
      parents: r.parents,
      partition: r.partition,
      definition: r.viewdef,
      meaning: r.meaning,
      populated: r.relkind === 'm' ? r.relispopulated : null,
      acl: acl(r.relacl, r.owner, r.relkind === 'S' ? 'sequence' : 'table'),
      comment: r.description,
      // not told by earlier ledgers
      ...(r.rule_comment !== null && { ruleComment: r.rule_comment }),
      publications: r.publications,
    }
    for (const { attname, attacl } of r.system_columns)
      all[`system column ${r.nspname}.${r.relname}.${attname}`] = { acl: attacl }
  }
  for (const c of rows.columns) {
    const relation = relations.get(c.attrelid)
    if (!relation || relation.relkind === 'S' || relation.relkind === 'c') continue
    all[`column ${name(c.attrelid)}.${c.attname}`] = {
      type: c.type,
      collation: c.collation,
      storage: c.storage,
      compression: c.compression,
      statistics: c.attstattarget,
      options: c.attoptions,
      notNull:
        c.attnotnull && c.not_null_name !== null
          ? [c.not_null_name, c.not_null_validated, c.not_null_no_inherit, c.not_null_description]
          : c.attnotnull,
      default: c.default,
      identity: c.attidentity,
      generated: c.attgenerated,
      inheritance: [c.attislocal, c.attinhcount],
      acl: c.attacl && c.attacl.length > 0 ? c.attacl : null,
      comment: c.description,
    }
  }
  for (const k of rows.constraints) {
    if (!described(k.conrelid)) continue
    // what a foreign key says of each partition referred to is valid with that key: PostgreSQL 14 to 17 do not mark it
    const part = isForReferencedPartition(k)
    all[`constraint ${name(k.conrelid)}.${k.conname}`] = {
      definition: part ? k.def.replace(/ NOT VALID$/, '') : k.def,
      validated: part ? null : k.convalidated,
      inheritance: [k.conislocal, k.inherited, k.parent && `${name(k.parent.conrelid)}.${k.parent.conname}`],
      comment: k.description,
    }
  }
  for (const i of rows.indexes) {
    all[`index ${i.nspname}.${i.relname}`] = {
      definition: i.def,
      valid: i.indisvalid,
      clustered: i.indisclustered,
      replicaIdentity: i.indisreplident,
      tablespace: i.tablespace,
      parent: (i.parent === null ? undefined : indexes.get(i.parent)?.relname) ?? i.parent,
      // not their names: those are of when it was made, and show nowhere
      targets: i.columns.map((c) => c.target),
      comment: i.description,
    }
  }
  for (const t of rows.triggers)
    all[`trigger ${name(t.tgrelid)}.${t.tgname}`] = { definition: t.def, enabled: t.tgenabled, comment: t.description }
  for (const p of rows.policies)
    all[`policy ${name(p.polrelid)}.${p.polname}`] = {
      command: p.polcmd,
      permissive: p.polpermissive,
      roles: p.roles,
      using: p.qual,
      check: p.with_check,
      comment: p.description,
    }
  for (const r of rows.rules)
    all[`rule ${name(r.ev_class)}.${r.rulename}`] = { definition: r.def, enabled: r.ev_enabled, comment: r.description }
  for (const s of rows.statistics)
    all[`statistics ${s.nspname}.${s.stxname}`] = {
      table: name(s.stxrelid),
      definition: s.content,
      owner: s.owner,
      target: s.target,
      comment: s.description,
    }
  for (const p of rows.routines)
    all[`function ${p.nspname}.${p.proname}(${p.argument_types})`] = {
      definition: p.def ?? p.prosrc,
      owner: p.owner,
      acl: acl(p.proacl, p.owner, 'function'),
      comment: p.description,
    }
  for (const m of rows.memberships)
    all[membershipIdentity(name(m.prrelid), m.pubname)] = {
      // restored columns stand last, in the list too
      columns: m.columns && [...m.columns].sort(),
      filter: m.filter,
    }
  for (const t of rows.types) {
    all[`type ${t.nspname}.${t.typname}`] = {
      definition: t.definition,
      owner: t.owner,
      acl: acl(t.typacl, t.owner, 'type'),
      comment: t.description,
    }
  }
  for (const s of rows.sequences) {
    const { seqrelid, owner_relid: relid, owner_attnum: attnum, owner_kind: kind, ...options } = s
    const owner = columns.get(`${String(relid)}.${String(attnum)}`)
    all[`sequence options ${name(seqrelid)}`] = {
      ...options,
      ownedBy: owner && relid ? `${name(relid)}.${owner.attname}` : null,
      kind,
    }
  }
  return all
}

/** A table's part in a publication, as descriptions call it. */
export const membershipIdentity = (table: string, publication: string) => `membership ${table} in ${publication}`

const kindOf = (relkind: string) =>
  relkind === 'v' ? 'view' : relkind === 'm' ? 'materialized view' : relkind === 'S' ? 'sequence' : 'table'

/** An access control list as pg_dump sees it: the built-in default is the same as none. */
function acl(list: Acl, owner: string, of: 'table' | 'sequence' | 'function' | 'type'): unknown {
  if (list === null) return null
  const isDefault = (e: AclEntry) =>
    e.grantor === owner &&
    !e.grantable &&
    (e.grantee === owner || (e.grantee === null && (of === 'function' || of === 'type')))
  const publicHas = list.some((e) => e.grantee === null)
  const ownerHas = new Set(list.filter((e) => e.grantee === owner).map((e) => e.privilege)).size
  const complete = {
    table: ownerHas >= 7,
    sequence: ownerHas === 3,
    function: ownerHas === 1 && publicHas,
    type: ownerHas === 1 && publicHas,
  }[of]
  return complete && list.every(isDefault) ? null : list
}

/** Whether two definitions say the same: grants stand as they were made, which need not be an order to make them in again. */
export const sameDefinition = (a: unknown, b: unknown): boolean => isDeepStrictEqual(comparable(a), comparable(b))

/**
 * A column as servers before PostgreSQL 18 describe it, which know no names of NOT NULL constraints: where this one has the name that
 * PostgreSQL chooses, and nothing else is special about it. What a partition inherits has its parent's.
 *
 * @param all the definitions beside it
 */
export function withUnnamedNotNull(identity: string, definition: unknown, all: Description): unknown {
  const { notNull, inheritance } = (definition ?? {}) as { notNull?: unknown; inheritance?: readonly unknown[] }
  if (!Array.isArray(notNull) || !isDeepStrictEqual(notNull.slice(1), [true, false, null])) return definition
  const name = String(notNull[0])
  // of table and column, which may hold such characters themselves
  const isChosenFor = (column: string) =>
    [...name.matchAll(/_/g)].some(({ index }) =>
      `${column}_not_null`.endsWith(`.${name.slice(0, index)}.${name.slice(index + 1)}`),
    )
  const isInherited = Number(inheritance?.[1] ?? 0) > 0
  const isChosen =
    isChosenFor(identity) || (isInherited && Object.keys(all).some((of) => of.startsWith('column ') && isChosenFor(of)))
  return isChosen ? { ...(definition as object), notNull: true } : definition
}

const comparable = (definition: unknown) => withTargets(withSortedAcl(definition))

/** An index as earlier versions described it, with names of its own columns. */
function withTargets(definition: unknown): unknown {
  const { columns, ...more } = (definition ?? {}) as { columns?: unknown }
  const isPair = (column: unknown): column is [string, number] => Array.isArray(column)
  return Array.isArray(columns) && columns.length > 0 && columns.every(isPair)
    ? { ...more, targets: columns.map(([, target]) => target) }
    : definition
}

function withSortedAcl(definition: unknown): unknown {
  const list = (definition as { acl?: Acl } | null)?.acl
  if (!list) return definition
  const entry = (e: AclEntry) => JSON.stringify([e.grantor, e.grantee, e.privilege, e.grantable])
  return { ...(definition as object), acl: list.map(entry).sort() }
}

/** Describes every object in every schema of the user's; the ledger, Kysely's own tables and `except` left out. */
export async function describeDatabase(db: AnyKysely, except: readonly QualifiedName[] = []): Promise<Description> {
  const major = await readMajor(db)
  const excepted = except.map(
    ({ schema, name }) => ` and (n.nspname, c.relname) <> (${literal(schema)}, ${literal(name)})`,
  )
  const ours = `n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '${LEDGER_SCHEMA}')`
  const oids = async (query: string) => (await readJson<{ oid: Oid }>(db, query)).map((row) => row.oid)
  const relations =
    await oids(`select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where ${ours} and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and c.relname not in ('kysely_migration', 'kysely_migration_lock')${excepted.join('')}`)
  const routines = await oids(
    `select p.oid from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace where ${ours}`,
  )
  const types = await oids(
    `select t.oid from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
     where ${ours} and t.typtype not in ('p', 'm') and not exists (select from pg_catalog.pg_type e where e.typarray = t.oid)
       and (t.typrelid = 0 or exists (select from pg_catalog.pg_class c where c.oid = t.typrelid and c.relkind = 'c'))`,
  )
  return describe(await readRows(db, { relations, routines, types }, major))
}
