import { Kysely, PostgresDialect, sql } from 'kysely'
import { afterEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { createPool, urlWith } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

const roles = useRoles('deploy', 'giver')
const database = useDatabase()
const notes = defineFeature()({ name: 'notes', tables: ['notes', 'remarks'] })
const host = defineFeature()({ name: 'host', columns: { host: ['a'], parted: ['b'] }, views: ['v', 'w'] })

afterEach(async () => {
  for (const role of roles())
    await database()
      .query(`drop owned by ${role}`)
      .catch(() => undefined)
})

/** Two tables, and privileges on them that were granted by another role than their owner. */
async function create() {
  const [, giver] = roles()
  await asOwner(
    database(),
    `create table others (id int primary key);
     create table notes (id int primary key); create table remarks (id int primary key);
     create table host (id int primary key, a text); insert into host values (1, 'a');
     create table parted (id int primary key, b text) partition by range (id);
     create table parted_1 partition of parted for values from (0) to (9); insert into parted values (1, 'b');
     create view v as select a from host; create view w as select a from v;
     grant select on notes, remarks, v to ${giver} with grant option;
     grant select (b) on parted_1 to ${giver} with grant option`,
  )
  await database().query(`grant usage on schema public to ${giver}; set role ${giver};
    grant select on notes, remarks, v to crm_reporting; grant select (b) on parted_1 to crm_reporting; reset role`)
}

const readGrants = () =>
  database().query(`
    select c.relname, c.relacl::text, array_agg(m.attacl::text) filter (where m.attacl is not null) as columns from pg_class c
    join pg_attribute m on m.attrelid = c.oid and not m.attisdropped where c.relnamespace = 'public'::regnamespace and c.relname !~ '^archive_' group by c.oid order by 1`)

/** A pool as a role that has been given the owner's rights, and those of whoever granted. */
async function withDeploy<T>(work: (db: Kysely<any>) => Promise<T>): Promise<T> {
  const [deploy, giver] = roles()
  await database().query(`alter role ${deploy} password '${deploy}'; grant crm_owner, ${giver} to ${deploy}`)
  const url = urlWith(database().url, { user: deploy, password: deploy })
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(url, 1) }) })
  return await work(db).finally(() => db.destroy())
}

/** The superuser has looked at the ledger, and takes it over. */
const takeLedger = (owner = 'current_user') =>
  database().query(`alter schema unship owner to ${owner};
    ${['runs', 'objects', 'statements', 'events'].map((t) => `alter table unship.${t} owner to ${owner}`).join(';')}`)

/** As versions wrote it that did not keep the role of the session. */
async function fromEarlierVersion(role: string): Promise<void> {
  await database().query(`
    update unship.runs set report = report - 'statements';
    delete from unship.statements where sql like '%''unship.role'', %' and sql not like 'do %';
    update unship.statements set sql = 'set local role "${role}"' where sql like '%(''unship.role'')%' and sql not like 'do %';
    update unship.statements set sql = regexp_replace(regexp_replace(sql, 'execute [^;]*''unship.role'', [^;]*;', ''),
      'execute [^;]*\\(''unship.role''\\)[^;]*;', 'execute $sql$set local role "${role}"$sql$;') where sql like 'do %''unship.role''%'`)
  expect(await database().query(`select sql from unship.statements where sql ~ 'unship.role'`)).toEqual([])
}

describe('a feature that another role removed', () => {
  test.each(['this version', 'an earlier version'])(
    'with %s is restored by a superuser when that role has lost its rights',
    async (version) => {
      await create()
      const before = await readGrants()
      await withDeploy((db) => removeFeature(db, notes))
      await withDeploy((db) => removeFeature(db, host))
      const [deploy, giver] = roles()
      if (version !== 'this version') await fromEarlierVersion(deploy)
      await database().query(`revoke crm_owner, ${giver} from ${deploy}`)
      await takeLedger()
      expect(await restoreFeature(database().admin, host)).toMatchObject({ outcome: 'restored', warnings: [] })
      expect(await restoreFeature(database().admin, notes)).toMatchObject({ outcome: 'restored', warnings: [] })
      expect(await readGrants()).toEqual(before)
    },
  )

  test('is restored by a superuser when that role is gone', async () => {
    await create()
    const before = await readGrants()
    await withDeploy((db) => removeFeature(db, notes))
    const [deploy] = roles()
    await database().query(`reassign owned by ${deploy} to crm_owner; drop owned by ${deploy}; drop role ${deploy}`)
    await takeLedger()
    expect((await restoreFeature(database().admin, notes)).outcome).toBe('restored')
    expect(await readGrants()).toEqual(before)
  })

  test('is restored by whoever it was all given to since', async () => {
    const [, giver] = roles()
    await create()
    await database().query(`grant ${giver} to crm_owner`)
    await removeFeature(database().db, host)
    // REASSIGN OWNED would take other tests' databases along
    await database().query(`alter schema unship owner to current_user; do $$ declare theirs regclass; begin
      for theirs in select oid from pg_class where relowner = 'crm_owner'::regrole and relkind in ('r', 'p', 'v')
      loop execute format('alter table %s owner to current_user', theirs); end loop; end $$`)
    expect((await restoreFeature(database().admin, host)).outcome).toBe('restored')
  })

  test.each(['this version', 'an earlier version'])(
    'with %s is restored in the role that the session has set, which it keeps',
    async (version) => {
      await create()
      const before = await readGrants()
      await removeFeature(database().admin, notes)
      await takeLedger('crm_owner')
      if (version !== 'this version') await fromEarlierVersion('postgres')
      const role = async (db: Kysely<any>) =>
        (await sql<{ role: string }>`select current_setting('role') as role`.execute(db)).rows[0]?.role
      await withDeploy(async (db) => {
        await database().query(`grant ${roles()[1]} to crm_owner`)
        await sql`set role crm_owner`.execute(db)
        await expect(
          db.transaction().execute(async (trx) => {
            await restoreFeature(trx, notes)
            expect(await role(trx)).toBe('crm_owner')
            throw new Error('taken back')
          }),
        ).rejects.toThrow('taken back')
        expect((await restoreFeature(db, notes)).outcome).toBe('restored')
        expect(await role(db)).toBe('crm_owner')
      })
      expect(await readGrants()).toEqual(before)
    },
  )
})

describe('what a superuser removed', () => {
  const shareLedger = () =>
    database().query(`grant usage on schema unship to crm_owner; grant all on all tables in schema unship to crm_owner;
      grant all on all sequences in schema unship to crm_owner`)

  test('is restored by the owner when it has what the hint gives it: no rights of a superuser', async () => {
    await create()
    const before = await readGrants()
    await removeFeature(database().admin, notes)
    await shareLedger()
    const restoring = () => restoreFeature(database().db, notes)
    const { detail, hint } = await refusedUnchanged(database(), 'missing_privilege', restoring)
    expect(detail).toBe(`Membership in role ${roles()[1]}.`)
    await database().query((hint?.match(/^grant .*;$/gm) ?? []).join('\n'))
    expect((await restoring()).outcome).toBe('restored')
    expect(await readGrants()).toEqual(before)
  })

  test('and owns is not restored by making the owner a superuser', async () => {
    await create()
    await database().query('create view theirs as select id from notes')
    const feature = { name: 'theirs', tables: ['notes'], views: ['theirs'] }
    await removeFeature(database().admin, feature)
    await shareLedger()
    const { hint } = await refusal('missing_privilege', restoreFeature(database().db, feature))
    expect(hint).toContain('Run the restore as a superuser')
    expect(hint).not.toContain('grant ')
    await database().query('revoke all on all tables in schema unship from crm_owner')
    expect((await restoreFeature(database().admin, feature)).outcome).toBe('restored')
  })
})
