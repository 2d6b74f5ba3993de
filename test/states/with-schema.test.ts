import {
  CamelCasePlugin,
  OperationNodeTransformer,
  SchemableIdentifierNode,
  WithSchemaPlugin,
  type KyselyPlugin,
} from 'kysely'
import {
  abortRemoval,
  abortRestore,
  checkHealth,
  defineFeature,
  planRemoval,
  readStatus,
  removeFeature,
  restoreFeature,
  reviewRemoval,
  reviewRestore,
  type ProgressEvent,
} from 'kysely-unship'
import { beforeEach, describe, expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = defineFeature()({
  name: 'vip',
  tables: ['visits'],
  columns: { contacts: ['vip'] },
  views: ['vips'],
  functions: ['f(int)', 'g'],
  types: ['rank'],
  counts: { vips: { contacts: ['vip'] } },
})

const parts = (schema: string) => `
  create type ${schema}.rank as enum ('a', 'b');
  create table ${schema}.contacts (id int primary key, vip boolean, name text);
  create table ${schema}.visits (id int primary key, rank ${schema}.rank);
  create view ${schema}.vips as select id from ${schema}.contacts where vip;
  create function ${schema}.f(int) returns int language sql as 'select 1';
  create function ${schema}.g() returns int language sql as 'select 2';
  insert into ${schema}.contacts values (1, true, 'Ada'), (2, null, 'Bob');
  insert into ${schema}.visits values (1, 'a')`

describe('by a Kysely with a schema', () => {
  const database = useDatabase()
  const inCrm = () => database().db.withSchema('crm')
  beforeEach(() => asOwner(database(), `create schema crm; ${parts('public')}; ${parts('crm')}`))

  const tables = async () =>
    (
      await database().query<{ name: string }>(
        `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('public', 'crm') and c.relkind in ('r', 'v')
           and c.relname !~ '^archive_' order by 1`,
      )
    ).map(({ name }) => name)
  const inPublic = ['public.contacts', 'public.vips', 'public.visits']
  const whileRemoved = ['crm.backup_vip_contacts', 'crm.backup_visits', 'crm.contacts', ...inPublic]
  const own = async () => (await tables()).filter((name) => name.startsWith('public.'))

  test('unqualified names are those of its schema, whatever they name, there and back', async () => {
    const before = await readState(database())
    expect(await removeFeature(inCrm(), feature)).toMatchObject({ outcome: 'removed', counts: { vips: 1 } })
    expect(await tables()).toEqual(whileRemoved)
    expect(await restoreFeature(inCrm(), feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  })

  test('so they are in its transaction', async () => {
    const before = await readState(database())
    await inCrm()
      .transaction()
      .execute((transaction) => removeFeature(transaction, feature))
    expect(await tables()).toEqual(whileRemoved)
    await database()
      .db.transaction()
      .execute((transaction) => restoreFeature(transaction.withSchema('crm'), feature))
    expect(await readState(database())).toEqual(before)
  })

  test('whoever only looks is told of the same objects', async () => {
    const plan = await planRemoval(inCrm(), feature)
    expect([...plan.hosts, ...plan.moved].map(({ table }) => table.schema)).toEqual(['crm', 'crm'])
    const review = await reviewRemoval(inCrm(), feature)
    expect(review.direction === 'removal' && review.fingerprint).toBe(plan.fingerprint)
    expect((await reviewRestore(inCrm(), feature)).fingerprint).toBe(plan.fingerprint)
    await asOwner(database(), `drop view crm.vips`)
    expect(await readStatus(inCrm(), [feature])).toMatchObject([{ state: 'incomplete' }])
    expect(await readStatus(database().db, [feature])).toMatchObject([{ state: 'installed' }])
    expect((await checkHealth(inCrm(), [feature])).filter(({ result }) => result === 'problem')).toHaveLength(1)
  })

  test('what is recorded means the same to a Kysely without', async () => {
    const fingerprints = [
      await planRemoval(inCrm(), feature),
      await planRemoval(database().db, { ...feature, schema: 'crm' }),
    ]
    expect(fingerprints[0]?.fingerprint).toBe(fingerprints[1]?.fingerprint)
    await removeFeature(inCrm(), feature)
    expect(await readStatus(database().db)).toMatchObject([{ state: 'removed', present: { found: 0, declared: 6 } }])
    await restoreFeature(database().db, { name: 'vip' })
    expect(await readStatus(database().db.withSchema('public'))).toMatchObject([
      { state: 'restored', present: { found: 6, declared: 6 } },
    ])
  })

  test('a removal and a restore that broke off are taken back', async () => {
    const before = await readState(database())
    const breaking = (phase: string) => {
      const controller = new AbortController()
      return {
        signal: controller.signal,
        onProgress: (event: ProgressEvent) => {
          if (event.type === 'phase done' && event.phase === phase) controller.abort()
        },
      }
    }
    await refusal('cancelled', removeFeature(inCrm(), feature, breaking('cut over')))
    expect(await own()).toEqual(inPublic)
    expect(await abortRemoval(inCrm(), feature)).toMatchObject({ outcome: 'restored' })
    expect(await readState(database())).toEqual(before)
    await removeFeature(inCrm(), feature)
    await refusal('cancelled', restoreFeature(inCrm(), feature, breaking('add')))
    await abortRestore(inCrm(), feature)
    expect(await tables()).toEqual(whileRemoved)
  })

  test('a declaration of another schema is refused, and its names may be qualified', async () => {
    const declared = { name: 'vip', schema: 'public', tables: ['visits'] }
    const before = await tables()
    for (const call of [removeFeature, planRemoval, reviewRemoval, restoreFeature, reviewRestore, abortRemoval]) {
      const error = await refusedUnchanged(database(), 'invalid_declaration', () => call(inCrm(), declared))
      expect(error.primary).toContain(
        'is declared in schema public, and the Kysely that was given finds "visits" in crm',
      )
      expect(error.hint).toContain(`'public.visits'`)
    }
    expect(await tables()).toEqual(before)
    expect(await readStatus(inCrm(), [declared])).toMatchObject([{ state: 'installed' }])
    const plan = await planRemoval(inCrm(), { ...declared, tables: ['public.visits'] })
    expect(plan.moved.map(({ table }) => table.schema)).toEqual(['public'])
  })

  test('a name that is declared with and without the schema is declared twice', async () => {
    const twice = { name: 'vip', tables: ['visits', 'crm.visits'] }
    const error = await refusal('invalid_declaration', removeFeature(inCrm(), twice))
    expect(error.primary).toContain('visits')
    expect((await planRemoval(database().db, twice)).moved).toHaveLength(2)
  })

  test('one that is removed is not that of another schema', async () => {
    await removeFeature(inCrm(), feature)
    await refusal('wrong_state', removeFeature(database().db.withSchema('public'), feature))
    await refusal('wrong_state', restoreFeature(database().db, feature))
    expect(await tables()).toEqual(whileRemoved)
  })
})

describe('by a Kysely with plugins', () => {
  const database = useDatabase()

  test('the schema is what they make of it', async () => {
    await asOwner(database(), `create schema crm_data; ${parts('crm_data')}; ${parts('public')}`)
    const db = database().db.withPlugin(new CamelCasePlugin()).withPlugin(new WithSchemaPlugin('crm_data'))
    await removeFeature(db, feature)
    expect(await database().query(`select from crm_data.backup_visits`)).toHaveLength(1)
    expect(await database().query(`select from public.visits`)).toHaveLength(1)
  })

  /** As a project's own plugin might change what a query asks for. */
  const asking = (change: (name: string) => { readonly name: string; readonly schema?: string }): KyselyPlugin => {
    const transformer = new (class extends OperationNodeTransformer {
      protected override transformSchemableIdentifier({ identifier }: SchemableIdentifierNode) {
        const { name, schema } = change(identifier.name)
        return schema === undefined
          ? SchemableIdentifierNode.create(name)
          : SchemableIdentifierNode.createWithSchema(schema, name)
      }
    })()
    return {
      transformQuery: ({ node, queryId }) => transformer.transformNode(node, queryId),
      transformResult: ({ result }) => Promise.resolve(result),
    }
  }

  test('one that gives some tables a schema is refused, unless the declaration says it', async () => {
    await asOwner(database(), `create schema crm; create table crm.visits (); create table crm.bills ()`)
    const db = database().db.withPlugin(asking((name) => (name === 'visits' ? { name, schema: 'crm' } : { name })))
    const declared = { name: 'f', tables: ['bills', 'visits'] }
    await refusedUnchanged(database(), 'invalid_declaration', () => removeFeature(db, declared))
    expect(await removeFeature(db, { ...declared, schema: 'crm' })).toMatchObject({ outcome: 'removed' })
  })

  test('one that gives tables other names is refused by whatever would remove them', async () => {
    await asOwner(database(), `create table visits (); create table app_visits ()`)
    const db = database().db.withPlugin(asking((name) => ({ name: `app_${name}` })))
    const declared = { name: 'f', tables: ['visits'] }
    for (const call of [removeFeature, planRemoval, reviewRemoval])
      await refusedUnchanged(database(), 'invalid_declaration', () => call(db, declared))
    await removeFeature(database().db, declared)
    expect(await restoreFeature(db, declared)).toMatchObject({ outcome: 'restored' })
  })
})
