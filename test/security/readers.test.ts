import { describe, expect, test } from 'vitest'
import { Kysely, PostgresDialect } from 'kysely'
import { checkHealth, defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { useRoles } from '../support/role.ts'
import { asOwner, HOSTILE_DEFAULTS, major } from '../support/round-trip.ts'

const roles = useRoles('reader')
const database = useDatabase()

test('nobody else reads a materialized view while it is built, whatever default privileges give', async () => {
  await asOwner(
    database(),
    `create table people (id int primary key, salary int); insert into people values (1, 100000);
     create materialized view salaries as select salary from people`,
  )
  await database().query(HOSTILE_DEFAULTS)
  const feature = defineFeature()({ name: 'pay', columns: { people: ['salary'] }, views: ['salaries'] })
  await removeFeature(database().db, feature)
  const pool = createPool(database().ownerUrl, 2)
  const seen = new Set<string>()
  beforeQueries(pool, async () => {
    const found = await database().query<{ name: string }>(
      `select relname as name from pg_class where relkind = 'm' and has_table_privilege('crm_app', oid, 'select')`,
    )
    for (const { name } of found) seen.add(name)
  })
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  await restoreFeature(db, feature)
  await db.destroy()
  expect([...seen]).not.toContain('unship_hidden_salaries')
})

test.each([
  ['a column of a backup', 'grant select (salary) on backup_pay_people to crm_app'],
  ['a view of a backup', 'create view shown as select * from backup_pay_people; grant select on shown to crm_app'],
  [
    'a view of a view',
    'create view middle as select * from backup_pay_people; create view shown as select * from middle; grant select on shown to crm_app',
  ],
  [
    'a function that reads one',
    `create function sum_of() returns bigint security definer begin atomic select sum(salary) from backup_pay_people; end;
     revoke all on function sum_of from public; grant execute on function sum_of to crm_app`,
  ],
])('the health check tells who was granted %s', async (_, grant) => {
  await asOwner(
    database(),
    `create table people (id int primary key, salary int); insert into people values (1, 100000)`,
  )
  await removeFeature(database().db, defineFeature()({ name: 'pay', columns: { people: ['salary'] } }))
  await asOwner(database(), grant)
  const found = (await checkHealth(database().db)).flatMap((c) => (c.result === 'ok' ? [] : c.found))
  expect(found.join('\n')).toContain('crm_app')
})

test('the health check notes who reads all tables, where no policies would hide them', async () => {
  const [reader] = roles()
  await asOwner(
    database(),
    `create table people (id int primary key, salary int); insert into people values (1, 100000);
     create table hidden (id int primary key, salary int); alter table hidden enable row level security`,
  )
  await database().query(`grant pg_read_all_data to ${reader}`)
  const columns = { people: ['salary'], hidden: ['salary'] }
  await removeFeature(database().db, defineFeature()({ name: 'pay', columns }))
  const notes = (await checkHealth(database().db)).filter((c) => c.result !== 'ok')
  expect(notes.map(({ result }) => result)).toEqual(['note'])
  // roles are the server's: other tests have some too
  expect(notes.flatMap(({ found }) => found).filter((line) => line.includes(reader))).toEqual([
    `public.backup_pay_people: ${reader} is a member of pg_read_all_data`,
  ])
})

describe('the health check', () => {
  const parted = defineFeature()({ name: 'pay', columns: { people: ['salary'] }, tables: ['paid'] })
  const checks = async () =>
    (await checkHealth(database().db)).flatMap(({ check, result, found }) =>
      /read what is kept|published/.test(check) && result !== 'ok' ? [{ result, check, found }] : [],
    )
  const removed = async () => {
    await asOwner(
      database(),
      `create table people (id int primary key, salary int); insert into people values (1, 100000);
       create table paid (id int primary key) partition by range (id);
       create table paid_some partition of paid for values from (1) to (9); grant select on paid_some to crm_app`,
    )
    await removeFeature(database().db, parted)
    expect(await checks()).toEqual([])
  }

  test('tells of grants on partitions of a backup', async () => {
    await removed()
    const [partition] = await database().query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'backup_paid'::regclass`,
    )
    await asOwner(database(), `grant select on ${partition?.name ?? ''} to crm_app`)
    expect(await checks()).toEqual([
      {
        ...{ result: 'problem', check: 'nobody but their owners can read what is kept' },
        found: [`public.${partition?.name ?? ''}: crm_app has privileges`],
      },
    ])
  })

  test('tells of a publication of backups', async () => {
    await removed()
    await database().query('create publication news for table backup_pay_people, backup_paid')
    expect(await checks()).toEqual([
      {
        ...{ result: 'problem', check: 'nobody but their owners can read what is kept' },
        found: [
          'public.backup_paid: publication news sends its rows',
          'public.backup_pay_people: publication news sends its rows',
        ],
      },
    ])
  })

  test.for([
    [14, 'all tables', 'all tables'],
    [15, 'tables in schema public', 'all tables in its schema'],
  ] as const)('from PostgreSQL %i on, notes a publication for %s', async ([since, what, sent], { skip }) => {
    skip(major() < since)
    await removed()
    await database().query(`create publication news for ${what}`)
    expect(await checks()).toEqual([
      {
        ...{ result: 'note', check: 'nothing that is kept is published with all tables' },
        found: ['paid', 'pay_people'].map(
          (name) => `public.backup_${name}: publication news sends the rows of ${sent}`,
        ),
      },
    ])
  })
})

test('a removal warns of whom an event trigger has let read the backups', async () => {
  const [reader] = roles()
  await database().query(
    `create function give() returns event_trigger language plpgsql as $$
     declare made record; begin
       for made in select * from pg_event_trigger_ddl_commands() where object_type = 'table' and schema_name = 'public' loop
         execute 'grant select on ' || made.object_identity || ' to ${reader}';
       end loop;
     end $$;
     create event trigger give on ddl_command_end when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE') execute function give()`,
  )
  await asOwner(
    database(),
    `create table people (id int primary key, salary int); insert into people values (1, 100000);
     create table raises (id int primary key)`,
  )
  const feature = defineFeature()({
    ...{ name: 'pay', columns: { people: ['salary'] }, tables: ['raises'] },
    acknowledge: { eventTriggers: ['give'] },
  })
  const { warnings } = await removeFeature(database().db, feature)
  const warning = warnings.find((w) => w.startsWith('others than their owners can read what is kept'))
  const [check] = (await checkHealth(database().db)).filter((c) => c.result === 'problem')
  expect(check?.found).not.toEqual([])
  for (const line of check?.found ?? []) expect(warning).toContain(line)
  expect(await database().query(`select report -> 'warnings' ->> -1 as told from unship.runs`)).toEqual([
    { told: warning },
  ])
  await asOwner(database(), `revoke all on backup_pay_people, backup_raises from ${reader}`)
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored' })
})
