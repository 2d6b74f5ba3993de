import { Kysely, PostgresDialect } from 'kysely'
import { afterEach, describe, expect, test } from 'vitest'
import {
  checkHealth,
  defineFeature,
  planRemoval,
  readStatus,
  removeFeature,
  restoreFeature,
  reviewRestore,
  type FeatureDeclaration,
} from 'kysely-unship'
import { createPool, urlWith } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

const roles = useRoles('mallory')
const database = useDatabase()
const notes = defineFeature()({ name: 'notes', tables: ['notes'] })
const letters = defineFeature()({ name: 'letters', tables: ['letters'] })

const escalate = () => `alter role ${roles()[0]} superuser`
const isSuperuser = async () =>
  (await database().query<{ is: boolean }>(`select rolsuper as is from pg_roles where rolname = '${roles()[0]}'`))[0]
    ?.is
const statementsIn = (hint: string | undefined) => hint?.match(/^(?:alter|revoke) .*;$/gm)?.join('\n') ?? ''

/** The trigger that a ledger's owner would put on it. */
const trigger = (schema: string) => `
  create function ${schema}.noted() returns trigger language plpgsql as $$ begin execute '${escalate()}'; return new; end $$;
  create trigger noted before insert on unship.events for each row execute function ${schema}.noted()`

afterEach(async () => {
  await database().query(`drop owned by ${roles()[0]} cascade`)
})

/** A client of mallory's, who may create schemas, tables and owns `letters`; `notes` is crm_owner's. */
async function mallory() {
  const [role] = roles()
  await asOwner(database(), 'create table notes (id int primary key)')
  await database().query(`grant create on database ${database().name} to ${role};
    grant create on schema public to ${role}; alter role ${role} password '${role}'`)
  const client = await database().connect(role)
  await client.query('create table letters (id int primary key)')
  return client
}

async function removeAsMallory(feature: FeatureDeclaration) {
  const [role] = roles()
  const db = new Kysely<any>({
    dialect: new PostgresDialect({ pool: createPool(urlWith(database().url, { user: role, password: role }), 2) }),
  })
  await removeFeature(db, feature).finally(() => db.destroy())
}

describe("a superuser who works with another role's ledger", () => {
  test('does not run triggers of a table that stood there before', async () => {
    const client = await mallory()
    await client.query(`
      create schema unship;
      create table unship.events (id bigint generated always as identity primary key, run_id bigint,
        at timestamptz not null default now(), event text not null, detail jsonb not null default '{}');
      ${trigger('unship')}`)
    const error = await refusedUnchanged(database(), 'not_owner', () => removeFeature(database().admin, notes))
    expect(error.detail).toContain(`trigger noted on table unship.events calls what belongs to ${roles()[0]}.`)
    expect(await isSuperuser()).toBe(false)
  })

  test('does not run statements that its owner has changed, nor write there', async () => {
    const client = await mallory()
    await removeAsMallory(letters)
    await refusedUnchanged(database(), 'not_owner', () => removeFeature(database().admin, notes))
    await client.query(`
      with first as (select min(position) as position from unship.statements where phase = 'reveal')
      update unship.statements s set sql = sql || '; ${escalate()}' from first f where s.position = f.position;
      update unship.runs set report = report - 'statements'`)
    const error = await refusedUnchanged(database(), 'not_owner', () => restoreFeature(database().admin, letters))
    expect(error.detail).toContain(`table unship.statements belongs to ${roles()[0]}.`)
    expect(error.hint).toContain(`Connect as ${roles()[0]}`)
    await refusal('not_owner', reviewRestore(database().admin, letters))
    expect(await isSuperuser()).toBe(false)
  })

  test('may read on: status, verify and plan', async () => {
    await asOwner(database(), 'create table notes (id int primary key); create table more (id int primary key)')
    await removeFeature(database().db, notes)
    expect(await readStatus(database().admin)).toMatchObject([{ feature: 'notes', state: 'removed' }])
    expect((await checkHealth(database().admin)).filter(({ result }) => result === 'problem')).toEqual([])
    expect((await planRemoval(database().admin, { name: 'more', tables: ['more'] })).absent).toBe(false)
  })

  test('restores what the owner removed once the ledger was given to it, as the hint says', async () => {
    await asOwner(database(), 'create table notes (id int primary key)')
    await removeFeature(database().db, notes)
    const restoring = () => restoreFeature(database().admin, notes)
    await database().query(statementsIn((await refusedUnchanged(database(), 'not_owner', restoring)).hint))
    expect(await restoring()).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('still runs nothing that the owner has left on it', async () => {
    const client = await mallory()
    await removeAsMallory(letters)
    await client.query(`${trigger('public')};
      create function public.about() returns jsonb language sql as $$ select '{}'::jsonb $$;
      alter table unship.events alter detail set default public.about();
      create rule also as on update to unship.runs do also notify runs;
      grant update on unship.statements to public`)
    const restoring = () => restoreFeature(database().admin, letters)
    await database().query(statementsIn((await refusedUnchanged(database(), 'not_owner', restoring)).hint))
    const error = await refusedUnchanged(database(), 'not_owner', restoring)
    expect(error.hint?.split('\n').sort()).toEqual([
      'Drop default value for column detail of table unship.events.',
      'Drop rule also on table unship.runs.',
      'Drop trigger noted on table unship.events.',
    ])
    await database().query(`drop trigger noted on unship.events; drop rule also on unship.runs;
      alter table unship.events alter detail set default '{}'`)
    expect(await restoring()).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await isSuperuser()).toBe(false)
  })

  test('does not read what only has the names of its tables, or of a backup', async () => {
    const client = await mallory()
    await client.query(`create schema unship;
      create function public.seen() returns int language plpgsql as $$ begin execute '${escalate()}'; return 1; end $$;
      create view unship.runs as select public.seen() as id`)
    for (const reading of [
      () => readStatus(database().admin),
      () => checkHealth(database().admin),
      () => planRemoval(database().admin, notes),
      () => removeFeature(database().admin, notes),
    ])
      await refusal('wrong_state', reading())
    await database().query('drop schema unship cascade')
    await removeAsMallory(letters)
    await client.query('alter table backup_letters rename to other; create view backup_letters as select seen() as id')
    const found = (await checkHealth(database().admin)).find((c) => c.check === 'backups match their checksums')
    expect(found).toMatchObject({
      result: 'problem',
      found: ['backup_letters: relation backup_letters is no table any more'],
    })
    expect(await isSuperuser()).toBe(false)
  })
})

describe('a role that is no superuser', () => {
  const grants = (role: string) => `grant usage, create on schema unship to ${role};
    grant all on all tables in schema unship to ${role}; grant all on all sequences in schema unship to ${role}`

  test('does not work with the ledger of a role that cannot act as it', async () => {
    const client = await mallory()
    await removeAsMallory(letters)
    await client.query(grants('crm_owner'))
    await refusedUnchanged(database(), 'not_owner', () => removeFeature(database().db, notes))
  })

  test('goes on with what a role has removed that it is a member of', async () => {
    const [role] = roles()
    await asOwner(database(), 'create table notes (id int primary key)')
    await removeFeature(database().db, notes)
    await database().query(`grant crm_owner to ${role}`)
    const member = createPool(urlWith(database().url, { user: role, password: role }), 2)
    await database().query(`alter role ${role} password '${role}'`)
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: member }) })
    const report = await restoreFeature(db, notes).finally(() => db.destroy())
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test("works with a superuser's by what it was granted; the superuser, with a ledger that others write to, does not", async () => {
    await asOwner(database(), 'create table notes (id int primary key)')
    await database().query('create table more (id int primary key)')
    const more = { name: 'more', tables: ['more'] }
    await removeFeature(database().admin, more)
    await database().query(grants('crm_owner'))
    expect((await removeFeature(database().db, notes)).outcome).toBe('removed')
    expect((await restoreFeature(database().db, notes)).outcome).toBe('restored')
    const restoring = () => restoreFeature(database().admin, more)
    const { hint, detail } = await refusedUnchanged(database(), 'not_owner', restoring)
    expect(detail).toContain('table unship.statements can be written to by crm_owner.')
    await database().query(statementsIn(hint))
    expect((await restoring()).outcome).toBe('restored')
  })
})
