import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { replayable } from '../../catalog/replay.ts'
import type { LedgerStatement } from '../../ledger/recorded.ts'
import { hiddenName, shortened } from '../../names.ts'
import { chosenName } from '../../plan/objects/chosen-name.ts'
import { definitionForNewPartitions, definitionTail, type IndexLabel } from '../../plan/objects/new-partitions.ts'
import type { HostPlan } from '../../plan/plan.ts'
import { id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { concurrently } from '../concurrently.ts'
import type { RunContext } from '../context.ts'
import { row } from '../query.ts'
import { runShort, type Held } from '../short.ts'

interface Own {
  readonly name: string
  readonly valid: boolean
  readonly columns: readonly string[]
}

/**
 * Builds for partitions that have come since the removal what a partitioned index will need of them,
 * concurrently and under the names that PostgreSQL would choose.
 *
 * @returns for how long each was locked for its name
 */
export async function buildForNewPartitions(
  context: RunContext,
  hosts: readonly HostPlan[],
  statement: LedgerStatement,
): Promise<Held[]> {
  const { db, session } = context
  const held: Held[] = []
  const { definition, label } = definitionForNewPartitions(statement.sql)
  const host = hosts.find((h) => h.members && [h.table, ...h.members].some((t) => statement.object === qualified(t)))
  if (!host) return held
  const unique = definition.startsWith('CREATE UNIQUE ') ? 'unique ' : ''
  const concurrent = session.inTransaction ? '' : 'concurrently '
  const tail = replayable(definition.slice(definition.indexOf('USING ')))
  for (const part of await newPartitions(db, host, statement.object ?? '')) {
    context.checkCancelled()
    const temporary = { schema: part.schema, name: shortened(hiddenName(`${part.name}_${tail}`)) }
    const create = `create ${unique}index ${concurrent}${id(temporary.name)} on ${qualified(part)} ${tail}`
    const own = await concurrently(context, { phase: statement.phase, what: statement.reason }, async (runs) => {
      const found = await equalIndex(db, part, unique, tail)
      if (found?.valid) return found
      if (found) await runs(`drop index ${concurrent}${id(part.schema, found.name)}`)
      await runs(create)
      return await equalIndex(db, part, unique, tail)
    })
    if (own?.name !== temporary.name) continue
    // whoever reads the partition waits behind us for the index, and we for whoever has read it
    held.push(
      await runShort(context, {
        ...{ phase: statement.phase, locks: [], statements: await naming(db, host, part, own, label) },
        concerned: [{ sql: '', relation: temporary }],
      }),
    )
  }
  return held
}

const newPartitions = (db: AnyKysely, host: HostPlan, below: string): Promise<QualifiedName[]> =>
  readJson<QualifiedName>(
    db,
    `select n.nspname as schema, c.relname as name
     from pg_catalog.pg_partition_tree(pg_catalog.to_regclass(${literal(below)})) t
     join pg_catalog.pg_class c on c.oid = t.relid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where t.isleaf and not exists (
       select from pg_catalog.json_to_recordset(${literal(JSON.stringify(host.members ?? []))}) m(schema text, name text)
       where m.schema = n.nspname and m.name = c.relname)
     order by 1, 2`,
  )

/** An index of a partition that is defined so, and belongs to no partitioned index or constraint. */
async function equalIndex(db: AnyKysely, part: QualifiedName, unique: string, tail: string): Promise<Own | undefined> {
  const found = await readJson<Own & { tail: string }>(
    db,
    `select c.relname as name, x.indisvalid as valid, ${definitionTail('x')} as tail,
       (select pg_catalog.json_agg(a.attname order by a.attnum) from pg_catalog.pg_attribute a where a.attrelid = c.oid) as columns
     from pg_catalog.pg_index x join pg_catalog.pg_class c on c.oid = x.indexrelid
     where x.indrelid = ${literal(qualified(part))}::pg_catalog.regclass and not c.relispartition
       and x.indisunique = ${String(unique !== '')}
       and not exists (select from pg_catalog.pg_constraint k where k.conrelid = x.indrelid and k.conindid = c.oid and k.contype in ('p', 'u', 'x'))
     order by c.oid`,
  )
  return found.find((index) => replayable(index.tail) === tail)
}

/** It was built on hidden columns, which it names its own columns after. */
async function naming(
  db: AnyKysely,
  host: HostPlan,
  part: QualifiedName,
  { name, columns }: Own,
  label: IndexLabel,
): Promise<string[]> {
  const shown = (column: string) => host.columns.find((c) => c.hidden === column)?.name ?? column
  const taken = await row<{ names: string }>(
    db,
    `select coalesce(pg_catalog.json_agg(c.relname), '[]')::text as names from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = ${literal(part.schema)}`,
  )
  const names = new Set(JSON.parse(taken.names) as string[])
  const chosen = chosenName(part.name, columns.map(shown), label, (candidate) => names.has(candidate))
  const index = id(part.schema, name)
  return [
    ...columns
      .filter((c) => shown(c) !== c)
      .map((c) => `alter table ${index} rename column ${id(c)} to ${id(shown(c))}`),
    `alter index ${index} rename to ${id(chosen)}`,
  ]
}
