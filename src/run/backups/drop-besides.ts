import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { readKeeping } from '../../ledger/history.ts'
import { runById } from '../../ledger/ledger.ts'
import { parseName, parseSignature } from '../../names.ts'
import { asPrinted, literal, qualified, type QualifiedName } from '../../sql.ts'
import { movedBesides, type MovedBesides } from './kept-besides.ts'

const TYPES = ['type', 'domain']
const ROUTINES = ['function', 'procedure', 'aggregate']

/** What drops the types, sequences and functions that were renamed with the tables of a removal. */
export async function dropBesides(db: AnyKysely, removalId: string): Promise<string[]> {
  const moved = await movedBesides(db, [removalId])
  const routines = moved.filter(({ kind }) => ROUTINES.includes(kind))
  const others = moved.filter(({ kind }) => !ROUTINES.includes(kind))
  return [
    ...others.map(({ kind, name }) => `drop ${kind} if exists ${name}`),
    ...(routines.length === 0 ? [] : await dropRoutines(db, removalId, routines, others)),
  ]
}

/** The ledger has a routine's arguments with the names that types of the feature had before: found is what has these, read so. */
async function dropRoutines(
  db: AnyKysely,
  removalId: string,
  routines: readonly MovedBesides[],
  others: readonly MovedBesides[],
): Promise<string[]> {
  const types = [
    ...others.flatMap(({ kind, name, was }) => (TYPES.includes(kind) ? [renamed(parseName(name, 'public'), was)] : [])),
    ...(await rowTypes(db, removalId)),
  ]
  const asBefore = (args: string) =>
    types.reduce((text, { now, was }) => text.replaceAll(now, () => was), args).replaceAll('"', '')
  const wanted = routines.map(({ name }) => parseName(parseSignature(name).name, 'public'))
  const found = await readJson<QualifiedName & { n: number; kind: string; args: string; signature: string }>(
    db,
    `select w.*, case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
       case when p.prokind = 'a' and p.pronargs = 0 then '*' else pg_catalog.pg_get_function_identity_arguments(p.oid) end as args,
       p.oid::pg_catalog.regprocedure::text as signature
     from (values ${wanted.map((w, n) => `(${String(n)}, ${literal(w.schema)}, ${literal(w.name)})`).join(', ')}) w(n, schema, name)
     join pg_catalog.pg_namespace s on s.nspname = w.schema
     join pg_catalog.pg_proc p on p.pronamespace = s.oid and p.proname = w.name`,
  )
  return found.flatMap(({ n, schema, name, kind, args, signature }) => {
    if (asBefore(args) !== argumentsIn(routines[n]?.name ?? '').replaceAll('"', '')) return []
    return [`drop ${kind} ${kind === 'aggregate' ? `${qualified({ schema, name })}(${args})` : signature}`]
  })
}

const argumentsIn = (signature: string): string =>
  signature.slice(signature.indexOf('(', parseSignature(signature).name.length) + 1, signature.lastIndexOf(')'))

const renamed = (now: QualifiedName, was: string) => ({
  now: new RegExp(`(?<![\\w$."])${asPrinted(now.schema, now.name)}(?![\\w$"])`, 'gu'),
  was: `${now.schema}.${was}`,
})

/** Those of the moved tables, which may be archived. */
async function rowTypes(db: AnyKysely, removalId: string) {
  const { plan } = await runById(db, removalId)
  const archive = (await readKeeping(db)).archives.get(removalId)
  return (plan?.moved ?? []).map(({ table, backup }) => {
    const archived = archive?.tables.find((a) => qualified(a.backup) === qualified(backup))
    return renamed(archived?.archive ?? backup, table.name)
  })
}
