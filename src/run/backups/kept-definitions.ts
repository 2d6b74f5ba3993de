import type { AnyKysely } from '../../any-kysely.ts'
import { describe, type Description } from '../../catalog/describe.ts'
import { readJson } from '../../catalog/read.ts'
import { readDefinitions } from '../../catalog/definitions.ts'
import { PRINT_NAMES, storedQuery } from '../../catalog/stored.ts'
import type { KeptDefinitions } from '../../ledger/kept-definitions.ts'
import { ledgerOid } from '../../ledger/ledger.ts'
import type { MovedPlan } from '../../plan/plan.ts'
import { escaped, literal, qualified } from '../../sql.ts'
import { movedBesides } from './kept-besides.ts'
import { row } from '../query.ts'

/*
 * What was moved comes back as it is: what somebody has altered of it meanwhile would come back altered. Shapes tell what has
 * come or gone of tables by its name; these tell defaults, checks, settings, owners, and sequences that were set back.
 */

/** To be raised when `describe` comes to say the same in another way. */
const FORMAT = 1

/** What may be said of a kept table, and who may read it, is nobody's loss. */
const FREE = ['comment', 'acl', 'publications']

/** Of a removal's moved tables, and of sequences that were moved by themselves; null where there are none. */
export async function readKeptDefinitions(
  db: AnyKysely,
  removalId: string,
  { moved }: { readonly moved: readonly MovedPlan[] },
): Promise<KeptDefinitions | null> {
  const besides = (await movedBesides(db, [removalId])).filter(({ kind }) => kind === 'sequence')
  const names = [...moved.map(({ backup }) => qualified(backup)), ...besides.map(({ name }) => name)]
  if (names.length === 0) return null
  const { major, ledger } = await row<{ major: number; ledger: string }>(
    db,
    `select pg_catalog.current_setting('server_version_num')::int / 10000 as major, ${ledgerOid} as ledger`,
  )
  const found = await readJson<{ oid: string; name: string | null; last: string | null; increment: string | null }>(
    db,
    `select distinct o.oid, case when s.seqrelid is not null then o.oid::pg_catalog.regclass::text end as name,
       s.seqincrement::text as increment, pg_catalog.pg_sequence_last_value(s.seqrelid)::text as last
     from (values ${names.map((name) => `(${literal(name)})`).join(', ')}) w(name)
     cross join lateral (
       select pg_catalog.to_regclass(w.name)::pg_catalog.oid union all
       select d.objid from pg_catalog.pg_depend d
       where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refclassid = d.classid
         and d.refobjid = pg_catalog.to_regclass(w.name) and d.deptype in ('a', 'i') and d.refobjsubid > 0
     ) o(oid)
     join pg_catalog.pg_class c on c.oid = o.oid and c.relkind in ('r', 'p', 'S')
     -- asked of no table, whatever is joined first
     left join pg_catalog.pg_sequence s on s.seqrelid = o.oid and pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE, SELECT')`,
  )
  const scope = { relations: found.map(({ oid }) => oid), routines: [], types: [] }
  const { rows } = await readDefinitions(db, scope, major)
  const sequences = found.flatMap(({ name, last, increment }) =>
    name === null ? [] : [[name, { last, increment: increment ?? '1' }] as const],
  )
  const described = withoutFree(describe(rows))
  const stored = await readJson<{ identity: string; hash: string }>(db, storedQuery(scope.relations))
  return {
    ...{ format: FORMAT, major, ledger, described, sequences: Object.fromEntries(sequences) },
    stored: Object.fromEntries(stored.map(({ identity, hash }) => [identity, hash])),
  }
}

const withoutFree = (all: Description): Description =>
  Object.fromEntries(
    Object.entries(all)
      .filter(([identity]) => !/^(?:membership|system column) /.test(identity))
      .map(([identity, of]) => [identity, Object.fromEntries(fieldsOf(of).filter(([field]) => !FREE.includes(field)))]),
  )

const fieldsOf = (description: unknown): [string, unknown][] =>
  description !== null && typeof description === 'object' ? Object.entries(description) : []

/** Sequences that had given values out and are at their start, by the names that they have now. */
export function atTheirStart(sealed: KeptDefinitions, found: KeptDefinitions): string[] {
  const taken = Object.entries(sealed.sequences).flatMap(([name, { last }]) => (last === null ? [] : [stripped(name)]))
  return Object.entries(found.sequences).flatMap(([name, { last }]) =>
    last === null && taken.includes(stripped(name)) ? [name] : [],
  )
}

/**
 * What is otherwise than it was sealed; nothing where that cannot be told.
 *
 * @param reset sequences that may be at their start
 */
export function definitionChanges(
  sealed: KeptDefinitions,
  found: KeptDefinitions,
  reset: ReadonlyMap<string, string>,
): string[] {
  // another server, or one that has read a dump, may print the same otherwise
  const comparable = sealed.format === FORMAT && sealed.major === found.major && sealed.ledger === found.ledger
  const named = underBackupNames(sealed.archived ?? [])
  const key = (identity: string) => named(stripped(identity))
  const text = (value: unknown) => named(textOf(value))
  const now = new Map(Object.entries(found.described).map(([identity, of]) => [key(identity), { identity, of }]))
  const altered = Object.entries(comparable ? sealed.described : {}).flatMap(([sealedAs, before]) => {
    const after = now.get(key(sealedAs))
    if (after === undefined) return [`${sealedAs} is missing.`]
    const fields = new Map(fieldsOf(after.of))
    const hash = sealed.stored?.[sealedAs]
    const isRenamed = (field: string) =>
      hash !== undefined && hash === found.stored?.[after.identity] && PRINT_NAMES.includes(field)
    return fieldsOf(before)
      .filter(([field]) => !isRenamed(field))
      .filter(([field, value]) => fields.has(field) && text(value) !== text(fields.get(field)))
      .map(([field, value]) => `${after.identity}: ${field} was ${textOf(value)}, and is ${textOf(fields.get(field))}.`)
  })
  // shapes do not tell of them
  const known = new Set(Object.keys(sealed.described).map(key))
  const fresh = (comparable ? [...now] : []).flatMap(([name, { identity }]) =>
    identity.startsWith('statistics ') && !known.has(name) ? [identity] : [],
  )
  const values = new Map(
    Object.entries(found.sequences).flatMap(([name, of]) => (reset.has(name) ? [] : [[stripped(name), of.last]])),
  )
  const back = Object.entries(sealed.sequences).flatMap(([name, { last, increment }]) => {
    const value = values.get(stripped(name))
    if (last === null || value === undefined || !isBack(last, value, increment)) return []
    return [`sequence ${name} was at ${last}, and is at ${value ?? 'its start'}.`]
  })
  return [...altered, ...fresh.map((identity) => `${stripped(identity)} is new.`), ...back]
}

/** After a crash or a switch to a standby a sequence may be some values further, and no harm is done. */
const isBack = (before: string, now: string | null, increment: string): boolean =>
  now === null || (BigInt(now) - BigInt(before)) * BigInt(increment) < 0n

/** Names are printed in quotes where they must be, which an archive's need not where its backup's must. */
const stripped = (text: string) => text.replaceAll(/["\\]/g, '')
const textOf = (value: unknown) => stripped(JSON.stringify(value ?? null))

/**
 * Archives have other names than the backups that they were. Read as if they had not, what was sealed and what is found can be
 * compared: nothing that was sealed has the name of a later archive in it, but by chance, and then both are read alike.
 */
function underBackupNames(names: NonNullable<KeptDefinitions['archived']>): (text: string) => string {
  const backups = new Map(
    names.flatMap(({ archive, backup }) =>
      [(name: string) => name, (name: string) => name.replaceAll("'", "''")].map(
        (spelled) => [stripped(spelled(archive.name)), stripped(spelled(backup.name))] as const,
      ),
    ),
  )
  if (backups.size === 0) return (text) => text
  // of names that begin alike, the longest
  const longestFirst = [...backups.keys()].sort((a, b) => b.length - a.length)
  const any = new RegExp(longestFirst.map(escaped).join('|'), 'gu')
  return (text) => text.replaceAll(any, (name) => backups.get(name) ?? name)
}
