import type { AnyKysely } from '../../../any-kysely.ts'
import { readJson } from '../../../catalog/read.ts'
import { UnshipError } from '../../../errors.ts'
import type { LedgerStatement, RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import { literal, qualified } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'
import { roleGiven } from '../../named-roles.ts'
import { neededBy, type NeedsNow } from './needs.ts'
import { linesOfLater, RESTORE_FIRST } from './removed-since.ts'
import { partsOf } from '../../recorded-statements.ts'

/**
 * Refuses where something has gone that the restore needs: a schema, a role that is given something, what definitions that are created
 * again speak of. A removal takes the last thing away that kept it from being dropped.
 */
export async function refuseGone(
  { db, feature }: RunContext,
  removalId: string,
  plan: RecordedPlan,
  statements: readonly LedgerStatement[],
  { gone: missing }: NeedsNow,
): Promise<void> {
  const roles = new Set(statements.flatMap(partsOf).flatMap((sql) => roleGiven(sql) ?? []))
  const schemas = new Set([...plan.hosts.map((h) => h.table), ...plan.claims].map(({ schema }) => schema))
  const names = [
    ...[...roles].map((name) => ({ kind: 'role', name })),
    ...[...schemas].map((name) => ({ kind: 'schema', name })),
  ]
  const gone = await readJson<{ kind: string; name: string }>(
    db,
    `select w.kind, w.name from pg_catalog.json_to_recordset(${literal(JSON.stringify(names))}) w(kind text, name text)
     where case w.kind when 'role' then not exists (select from pg_catalog.pg_roles r where r.rolname = w.name)
       else not exists (select from pg_catalog.pg_namespace n where n.nspname = w.name) end`,
  )
  const lines = [
    ...gone.map(({ kind, name }) => `${kind} ${name} does not exist.`),
    ...neededBy(missing).map(({ description, needed }) => `${description} does not exist: ${needed}.`),
    ...(await goneKeys(db, plan)),
  ]
  if (lines.length === 0) return
  const later = await linesOfLater(db, removalId)
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${feature} cannot be restored because what it needs is gone`,
    detail: [...lines, ...later].join('\n'),
    hint: `${later.length > 0 ? `${RESTORE_FIRST} create` : 'Create'} it again, or give it its name back; once the feature is restored, it may go for good where nothing depends on it. Nothing was restored.`,
  })
}

/**
 * A foreign key needs a unique index of what it refers to, whatever that is called (what comes back has its own by then), and,
 * where its own table is logged, that what it refers to is.
 */
async function goneKeys(db: AnyKysely, plan: RecordedPlan): Promise<string[]> {
  const keys = [
    ...plan.hosts.flatMap(({ table, foreignKeys }) => foreignKeys.map((key) => ({ ...key, table }))),
    ...plan.moved.flatMap(({ backup, foreignKeys }) => foreignKeys.map((key) => ({ ...key, table: backup }))),
  ]
  if (keys.length === 0) return []
  const asked = keys.map((k) => ({
    own: qualified(k.table),
    table: qualified(k.referenced),
    columns: k.period === true || k.referencedGenerated || k.indexReturns ? [] : k.referencedColumns,
  }))
  const found = await readJson<{ n: number; unlogged: boolean; keyless: boolean }>(
    db,
    `select * from (
       select k.ordinality::int - 1 as n, own.relpersistence = 'p' and c.relpersistence <> 'p' as unlogged,
         pg_catalog.cardinality(k.columns) > 0 and pg_catalog.cardinality(u.numbers) = pg_catalog.cardinality(k.columns) and not exists (
           select from pg_catalog.pg_index i
           where i.indrelid = c.oid and i.indisunique and i.indimmediate and i.indisvalid
             and i.indpred is null and i.indexprs is null
             and (select pg_catalog.array_agg(u.attnum order by u.attnum)
               from pg_catalog.unnest((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]) u(attnum)) = u.numbers) as keyless
       from rows from (pg_catalog.json_to_recordset(${literal(JSON.stringify(asked))}) as (own text, "table" text, columns text[])) with ordinality k
       join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(k."table")
       join pg_catalog.pg_class own on own.oid = pg_catalog.to_regclass(k.own)
       cross join lateral (
         select pg_catalog.array_agg(a.attnum order by a.attnum) as numbers from pg_catalog.pg_attribute a
         where a.attrelid = c.oid and a.attname::text = any (k.columns)) u) asked
     where unlogged or keyless`,
  )
  return found.flatMap(({ n, unlogged, keyless }) => {
    const key = keys[n]
    if (!key) return []
    const referenced = shown(key.referenced)
    return [
      ...(keyless
        ? [
            `No unique index of ${referenced} (${key.referencedColumns.join(', ')}) is there: foreign key ${key.name} needs it.`,
          ]
        : []),
      ...(unlogged ? [`Table ${referenced} is unlogged by now: foreign key ${key.name} needs it logged.`] : []),
    ]
  })
}
