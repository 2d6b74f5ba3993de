import type { AnyKysely } from '../any-kysely.ts'
import { literal } from '../sql.ts'
import { readRows } from './definitions.ts'
import { describe, type Description } from './describe.ts'
import { readMajor } from './environment.ts'
import type { Oid } from './fragments.ts'
import { readJson } from './read.ts'

/** What stands before the name in an identity. */
const KIND = /^(?:materialized view|system column|sequence options|\w+) /

/** `column public.contacts.email`: public, public.contacts and public.contacts.email. One of them is a relation, whatever characters names have. */
function namesIn(identities: readonly string[]): string[] {
  const names = identities.map((identity) => identity.replace(KIND, ''))
  return [
    ...new Set(names.flatMap((name) => [name, ...[...name.matchAll(/[. (]/g)].map((m) => name.slice(0, m.index))])),
  ]
}

const catalog = (name: string) => `'pg_catalog.${name}'::pg_catalog.regclass`

/**
 * Describes those objects that are there, of a database that may have tens of thousands. Besides, it reads what their descriptions
 * name: the tables of indexes and statistics, what partitions belong to, and what owns a sequence.
 */
export async function describeSome(db: AnyKysely, identities: readonly string[]): Promise<Description> {
  if (identities.length === 0) return {}
  const names = `any (array[${namesIn(identities).map(literal).join(', ')}])`
  const oids = async (query: string): Promise<readonly Oid[]> =>
    (await readJson<{ oid: Oid }>(db, query)).map((row) => row.oid)
  const named = (table: string, prefix: string) => `select x.* from pg_catalog.${table} x
    join pg_catalog.pg_namespace n on n.oid = x.${prefix}namespace where pg_catalog.concat(n.nspname, '.', x.${prefix}name) = ${names}`
  const relations = await oids(`
    with named as materialized (select c.oid, c.relkind from (${named('pg_class', 'rel')}) c),
    concerned as materialized (
      select n.oid from named n where n.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
      union select i.indrelid from named n join pg_catalog.pg_index i on i.indexrelid = n.oid
      union select s.stxrelid from (${named('pg_statistic_ext', 'stx')}) s
      union select d.refobjid from named n join pg_catalog.pg_depend d on d.classid = ${catalog('pg_class')} and d.objid = n.oid
        and d.refclassid = ${catalog('pg_class')} and d.deptype in ('a', 'i') where n.relkind = 'S')
    select oid from concerned
    union select a.relid from concerned c cross join lateral pg_catalog.pg_partition_ancestors(c.oid) a`)
  const routines = await oids(`select p.oid from (${named('pg_proc', 'pro')}) p`)
  const types = await oids(`select t.oid from (${named('pg_type', 'typ')}) t where t.typtype not in ('p', 'm')
    and (t.typrelid = 0 or t.typrelid in (select c.oid from pg_catalog.pg_class c where c.relkind = 'c'))`)
  const asked = new Set(identities)
  const all = describe(await readRows(db, { relations, routines, types }, await readMajor(db)))
  return Object.fromEntries(Object.entries(all).filter(([identity]) => asked.has(identity)))
}
