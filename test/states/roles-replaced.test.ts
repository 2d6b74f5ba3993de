import { expect, test } from 'vitest'
import { checkHealth, removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { failAfter } from './broken.ts'

// the second name is free until a test gives it away
const roles = useRoles('unship_ada', 'unship_former')
const database = useDatabase()

const SETUP = `
  create table staff (id int primary key, salary int); alter table staff enable row level security;
  create table bonus (id int primary key, paid int); create view salaries as select salary from staff;
  insert into staff values (1, 1000);`

/** With the names that the roles have in this test. */
function named(text: string): string {
  const [ada, former] = roles()
  return text.replaceAll(/\bada\b/g, ada).replaceAll(/\bformer\b/g, former)
}

const query = (sql: string) => database().query(named(sql))
const RENAMED = 'alter role ada rename to former; create role ada login'
const restore = (feature: FeatureDeclaration) => restoreFeature(database().admin, feature)

async function remove(feature: FeatureDeclaration, grant: string) {
  await query(`${SETUP} ${grant}; drop role former`)
  await removeFeature(database().admin, feature)
}

const GRANTED = ['grant select on bonus to ada', { name: 'f', tables: ['bonus'] }] as const
const OF_A_POLICY = [
  'create policy own on staff to crm_app, ada using (true)',
  { name: 'f', policies: { staff: ['own'] } },
] as const
const OF_COLUMNS = { name: 'f', columns: { staff: ['salary'] }, views: ['salaries'] }

test.each([
  [...GRANTED, 'select on table "public"."bonus"'],
  [
    'grant update (paid), select (paid) on bonus to ada with grant option',
    { name: 'f', tables: ['bonus'] },
    'select ("paid"), update ("paid") on table "public"."bonus"',
  ],
  ['grant select (salary) on staff to ada', OF_COLUMNS, 'select ("salary") on table "public"."staff"'],
  ['alter view salaries owner to ada', OF_COLUMNS, 'view "public"."salaries", all on table "public"."salaries"'],
  ['alter table bonus owner to ada', { name: 'f', tables: ['bonus'] }, 'all on table "public"."bonus"'],
  [...OF_A_POLICY, 'policy "own" on "public"."staff"'],
])('a role that has got the name of another one is not given what that had: %s', async (grant, feature, given) => {
  await remove(feature, grant)
  await query(RENAMED)
  const { detail, hint } = await refusedUnchanged(database(), 'not_restorable', () => restore(feature))
  const told = named(`role ada is another one, and what it was is former by now: it would be given ${given}.`)
  expect(detail).toBe(told)
  expect(hint).toContain('acknowledge.roles')
  const problems = (await checkHealth(database().admin)).filter(({ result }) => result === 'problem')
  expect(problems.flatMap(({ found }) => found)).toContain(told)
  await query('drop role ada; alter role former rename to ada')
  expect(await restore(feature)).toMatchObject({ outcome: 'restored', warnings: [] })
})

test.each([GRANTED, OF_A_POLICY])(
  'one that was made anew is where the declaration says so, and it is told: %s',
  async (grant, feature) => {
    await remove(feature, grant)
    await query('drop role ada; create role ada')
    const { detail } = await refusedUnchanged(database(), 'not_restorable', () => restore(feature))
    expect(detail).toContain(named('role ada is another one, and what it was is gone: it would be given '))
    const acknowledging = { ...feature, acknowledge: { roles: [roles()[0]] } }
    const { outcome, warnings } = await restore(acknowledging)
    expect([outcome, warnings]).toEqual([
      'restored',
      [expect.stringContaining(named('role ada is another one, and what it was is gone (acknowledged): it is given '))],
    ])
  },
)

test('nor does a restore that broke off go on with another one', async () => {
  await remove(OF_COLUMNS, 'alter view salaries owner to ada')
  await expect(restoreFeature(database().admin, OF_COLUMNS, failAfter('fill'))).rejects.toThrow('of the caller')
  await query(RENAMED)
  const { hint } = await refusedUnchanged(database(), 'not_restorable', () => restore(OF_COLUMNS))
  expect(hint).toContain('as far restored as before')
  await query('drop role ada; alter role former rename to ada')
  expect(await restore(OF_COLUMNS)).toMatchObject({ outcome: 'restored', warnings: [] })
})

test.each([
  ['in a database that came from a dump', `plan || '{"ledger": "1"}'`],
  ['of a ledger that does not know them', `plan - 'roles'`],
])('identifiers say nothing %s', async (_, plan) => {
  const [grant, feature] = GRANTED
  await remove(feature, grant)
  await query(`drop role ada; create role ada; update unship.runs set plan = ${plan}`)
  expect(await restore(feature)).toMatchObject({ outcome: 'restored', warnings: [] })
})
