import type { Kysely } from 'kysely'
import { expect, inject } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration, type UnshipError } from 'kysely-unship'
import type { TestDatabase } from './database.ts'
import { readState } from './life.ts'

/** The server's major version. */
export const major = () => Math.floor(inject('server').versionNum / 10_000)

/** Runs SQL as crm_owner, who owns what it makes. */
export async function asOwner(database: TestDatabase, sql: string): Promise<void> {
  const client = await database.connect()
  await client.query(sql)
  await client.end()
}

/** Default privileges that give everything new to everybody. */
export const HOSTILE_DEFAULTS = (['tables', 'sequences', 'functions', 'types', 'schemas'] as const)
  .map((kind) => `alter default privileges for role crm_owner grant all on ${kind} to crm_app, public;`)
  .join('\n')

interface RoundTrip {
  /** Who migrates: crm_owner unless told. */
  readonly db?: Kysely<any>
  /** Called while the feature is away. */
  readonly removed?: () => Promise<unknown>
}

/**
 * Removes a feature, under hostile default privileges, and puts it back: while it is away
 * its names are gone and only owners can read backups; then all is as it was,
 * with nothing to report.
 */
export async function expectRoundTrip(
  database: TestDatabase,
  feature: FeatureDeclaration,
  { db = database.db, removed }: RoundTrip = {},
): Promise<void> {
  await database.query(HOSTILE_DEFAULTS)
  const before = await readState(database)
  const removal = await removeFeature(db, feature)
  expect(removal).toMatchObject({ outcome: 'removed' })
  await expectGone(database, feature)
  await expectOwnersOnly(database)
  await removed?.()
  const restore = await restoreFeature(db, feature)
  expect(restore).toMatchObject({ outcome: 'restored', warnings: [], setAside: [] })
  const after = await readState(database)
  expect(after.rows).toEqual(before.rows)
  expect(after.definitions).toEqual(before.definitions)
  expect(after.dump).toEqual(before.dump)
  await expectOwnersOnly(database)
}

/** Nothing bears a declared name any more. */
async function expectGone(database: TestDatabase, feature: FeatureDeclaration): Promise<void> {
  const relations = [feature.tables, feature.views, feature.sequences, feature.indexes].flatMap((names) => names ?? [])
  for (const name of relations)
    expect(await database.query('select to_regclass($1) as found', [name]), name).toEqual([{ found: null }])
  for (const name of feature.types ?? [])
    expect(await database.query('select to_regtype($1) as found', [name]), name).toEqual([{ found: null }])
  for (const name of feature.functions ?? [])
    expect(
      await database.query(
        `select p.oid::regprocedure::text as found from pg_proc p
         where case when $1 ~ '\\(' then p.oid = to_regprocedure($1) else p.proname = $1 end`,
        [name],
      ),
      name,
    ).toEqual([])
}

/** Backups and the ledger are their owners' alone. */
export async function expectOwnersOnly(database: TestDatabase): Promise<void> {
  expect(
    await database.query(`
      select o.name, pg_get_userbyid(a.grantee) as grantee, a.privilege_type
      from (
        select c.oid::regclass::text as name, c.relowner as owner, c.relacl as acl
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relname ~ '^(archive|backup|set_aside)_' or n.nspname = 'unship'
        union all
        select m.attrelid::regclass::text || '.' || m.attname, c.relowner, m.attacl
        from pg_attribute m join pg_class c on c.oid = m.attrelid where c.relname ~ '^(archive|backup|set_aside)_'
        union all
        select 'schema ' || n.nspname, n.nspowner, n.nspacl from pg_namespace n where n.nspname = 'unship'
      ) o cross join lateral aclexplode(o.acl) a
      where a.grantee <> o.owner`),
  ).toEqual([])
}

/** The error that a refusal throws, and that it left everything as it was. */
export async function expectRefusal(
  database: TestDatabase,
  feature: FeatureDeclaration,
  db: Kysely<any> = database.db,
): Promise<UnshipError> {
  const before = await readState(database)
  const error = await removeFeature(db, feature).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'UnshipError' })
  expect(await readState(database)).toEqual(before)
  return error as UnshipError
}
