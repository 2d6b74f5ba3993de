import type { AnyKysely } from '../any-kysely.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { readJson } from '../catalog/read.ts'
import { readDeclared } from '../catalog/resolve.ts'
import { UnshipError } from '../errors.ts'
import { literal, qualified, type QualifiedName } from '../sql.ts'
import { readBlockers } from './blockers.ts'
import { checkedOptions } from './checked-options.ts'
import { RunContext } from './context.ts'
import { patiently } from './patience.ts'
import type { Session } from './session.ts'
import { attemptsFailed } from './short-errors.ts'

/*
 * Who prints a view or rule, or the size or partitions of a table, locks what it speaks of in ACCESS SHARE, one relation after the other until
 * the statement ends. A migration holds such a table, and goes on to another.
 */

/** Something that definitions are read of: a table, view or sequence, or a function. `oid` is SQL. */
interface Concerned {
  readonly catalog: 'pg_class' | 'pg_proc'
  readonly oid: string
}

/** Whoever only looks is told within some ten seconds. */
const LOOKING_ATTEMPTS = 20

/** For commands that change nothing: they have no options, and nobody listens. */
export const onlyLooking = (session: Session, feature: Pick<FeatureDeclaration, 'name' | 'acknowledge'>): RunContext =>
  new RunContext(session, feature, checkedOptions({ lockAttempts: LOOKING_ATTEMPTS }))

/** Reads the definitions of what is declared, or asks something of it; it must be such as can be asked again. */
export const readingDeclared = <T>(
  context: RunContext,
  feature: FeatureDeclaration,
  named: AnyKysely,
  read: () => Promise<T>,
): Promise<T> => reading(context, () => declaredOf(context.db, feature, named), read)

/** The same of tables. */
export const readingTables = <T>(
  context: RunContext,
  tables: readonly QualifiedName[],
  read: () => Promise<T>,
): Promise<T> => reading(context, () => Promise.resolve(tables.map(concernedTable)), read)

const concernedTable = (table: QualifiedName): Concerned => ({
  catalog: 'pg_class',
  oid: `pg_catalog.to_regclass(${literal(qualified(table))})`,
})

async function declaredOf(db: AnyKysely, feature: FeatureDeclaration, named: AnyKysely): Promise<Concerned[]> {
  const declared = await readDeclared(db, feature, named)
  return declared.flatMap(({ found }) =>
    found?.catalog === 'pg_class' || found?.catalog === 'pg_proc' ? [{ catalog: found.catalog, oid: found.objid }] : [],
  )
}

const reading = <T>(
  context: RunContext,
  concerned: () => Promise<readonly Concerned[]>,
  read: () => Promise<T>,
): Promise<T> =>
  patiently(
    context,
    {
      phase: 'inspect',
      blockers: async () => {
        const relations = await readContested(context.db, await concerned())
        return await readBlockers(
          context.db,
          relations.map((relation) => ({ relation })),
        )
      },
      refusal: (attempts, blockers, cause) =>
        new UnshipError({
          code: 'locked',
          message: `could not read the definitions that feature ${context.feature} concerns`,
          detail: attemptsFailed(context, attempts, blockers),
          hint: 'End those sessions or wait for them, then run the same command again.',
          cause,
        }),
    },
    read,
  )

/**
 * Of these, what depends on them, what all of that reads in turn, and their partitions, keys and indexes: the relations that somebody has locked in
 * ACCESS EXCLUSIVE, or waits to lock so, for whom whoever reads then queues.
 */
async function readContested(db: AnyKysely, concerned: readonly Concerned[]): Promise<QualifiedName[]> {
  if (concerned.length === 0) return []
  const roots = concerned.map(
    ({ catalog, oid }) => `('pg_catalog.${catalog}'::pg_catalog.regclass::pg_catalog.oid, ${oid}::pg_catalog.oid)`,
  )
  return await readJson<QualifiedName>(
    db,
    `with recursive link(classid, objid, refclassid, refobjid) as materialized (
      select case when r.oid is null then d.classid else d.refclassid end, coalesce(r.ev_class, d.objid), d.refclassid, d.refobjid
      from pg_catalog.pg_depend d
      left join pg_catalog.pg_rewrite r on r.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      where d.refobjid >= 16384 and (r.oid is not null and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        or d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.refclassid in ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass))
      union all select d.classid, d.objid, d.classid, d.refobjid from (
        select 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid as classid, i.inhrelid as objid, i.inhparent as refobjid from pg_catalog.pg_inherits i) d
    ), dependent(classid, objid) as (
      values ${roots.join(', ')}
      union select l.classid, l.objid from dependent d join link l on l.refclassid = d.classid and l.refobjid = d.objid
    ), used(classid, objid) as (
      select * from dependent
      union select l.refclassid, l.refobjid from used u join link l on l.classid = u.classid and l.objid = u.objid
    ), relation(oid) as (
      select objid from used where classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    ), near(oid) as (
      select oid from relation
      union select x.oid from pg_catalog.pg_constraint k cross join lateral (values (k.conrelid), (k.confrelid)) x(oid)
        where k.contype = 'f' and (k.conrelid in (select oid from relation) or k.confrelid in (select oid from relation))
    )
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid in (select oid from near union select i.indexrelid from pg_catalog.pg_index i where i.indrelid in (select oid from near))
      and exists (select from pg_catalog.pg_locks l where l.locktype = 'relation' and l.relation = c.oid and l.mode = 'AccessExclusiveLock'
        and l.pid is distinct from pg_catalog.pg_backend_pid()
        and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()))`,
  )
}
