import { expect } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import type { FeatureDeclaration, RemovalReport, RestoreReport } from 'kysely-unship'
import type { TestDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'

/** A feature that leaves a schema of the test's own and comes back. */
export interface Journey {
  /** Runs as crm_owner, who also removes and restores. */
  readonly setup: string
  readonly feature: FeatureDeclaration
  /** What is to be seen while the feature is away. */
  readonly away?: () => Promise<void>
  /** SQL that runs as crm_owner while the feature is away; the rows are then the test's to compare. */
  readonly meanwhile?: string
}

/** Removes and restores, and demands that definitions, rows and dump are what they were. */
export async function roundTrip(
  database: TestDatabase,
  { setup, feature, away, meanwhile }: Journey,
): Promise<{ removed: RemovalReport; restored: RestoreReport }> {
  const declared: FeatureDeclaration = defineFeature()(feature as any)
  const owner = await database.connect()
  await owner.query(setup)
  const before = await readState(database)
  const exactRows = await readRows(database)

  const removed = await removeFeature(database.db, declared)
  expect(removed.outcome).toBe('removed')
  for (const [table, columns] of Object.entries(declared.columns ?? {}))
    if (!/[ ."]/.test(table))
      expect(await namesOfColumns(database, table)).not.toEqual(expect.arrayContaining([...(columns ?? [])]))
  await away?.()
  if (meanwhile !== undefined) await owner.query(meanwhile)

  const restored = await restoreFeature(database.db, declared)
  expect(restored.warnings).toEqual([])
  expect(restored.outcome).toBe('restored')
  const after = await readState(database)
  expect(after.definitions).toEqual(before.definitions)
  expect(after.dump).toEqual(before.dump)
  expect(await leftOver(database)).toEqual([])
  if (meanwhile === undefined) {
    expect(after.rows).toEqual(before.rows)
    expect(await readRows(database)).toEqual(exactRows)
  }
  return { removed, restored }
}

async function namesOfColumns(database: TestDatabase, table: string): Promise<string[]> {
  const [schema, name] = table.includes('.') ? table.split('.') : ['public', table]
  const rows = await database.query<{ attname: string }>(
    `select a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped`,
    [schema, name],
  )
  return rows.map((row) => row.attname)
}

/** Every row as the bytes that the server would send, columns by name: 1.0 is not 1.00, 0 not -0. */
async function readRows(database: TestDatabase): Promise<Record<string, string[]>> {
  const tables = await database.query<{ name: string; columns: string }>(
    `select c.oid::regclass::text as name, string_agg(format('t.%I', a.attname), ', ' order by a.attname collate "C") as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'unship')
       and c.relname !~ '^(backup|archive|set_aside)_'
     group by c.oid`,
  )
  const rows: Record<string, string[]> = {}
  for (const { name, columns } of tables) {
    const found = await database.query<{ image: string }>(
      `select encode(record_send(row(${columns})), 'hex') as image from ${name} t order by 1`,
    )
    rows[name] = found.map((row) => row.image)
  }
  return rows
}

/** What bears a name that only the time between removal and restore knows. */
async function leftOver(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `select attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
       where a.attname ~ '^unship_hidden' and not a.attisdropped and c.relkind <> 't'
     union all select relname from pg_class where relname ~ '^unship_hidden'
     union all select conname from pg_constraint where conname ~ '^unship_'
     union all select tgname from pg_trigger where tgname ~ '^unship_'
     union all select proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where proname ~ '^(watch|fill)_' and n.nspname = 'unship'`,
  )
  return rows.map((row) => row.name)
}

/** The error of a removal that is refused; the database must be as it was. */
export async function refusal(database: TestDatabase, feature: FeatureDeclaration): Promise<any> {
  const before = await readState(database, { dump: false })
  const error: unknown = await removeFeature(database.db, defineFeature()(feature as any)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ name: 'UnshipError' })
  expect(await readState(database, { dump: false })).toEqual(before)
  return error
}
