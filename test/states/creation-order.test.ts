import { expect, test } from 'vitest'
import { checkHealth, planRemoval, removeFeature, reviewRemoval } from 'kysely-unship'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

/** The same database in two, which were made in another order, as one that was read from a dump. */
const [first, second] = [useDatabase(), useDatabase()]

const TABLES = `
  create table host (id int primary key, kept int, gone int);
  create table item (id int primary key);
  create function f() returns trigger language plpgsql as $$ begin return new; end $$`

const OBJECTS = ['a', 'b', 'c'].flatMap((x) => [
  `create view view_${x} as select gone from host`,
  `create materialized view built_${x} as select gone from host`,
  `create index index_${x} on host (gone)`,
  `alter table host add constraint check_${x} check (gone > 0)`,
  `create policy policy_${x} on host using (gone > 1)`,
  `create trigger trigger_${x} after update of gone on host for each row execute function f()`,
  `create trigger kept_${x} before update on host for each row execute function f('gone')`,
  `create statistics statistics_${x} on gone, kept from host`,
  `create function sum_${x}() returns bigint language sql begin atomic select sum(gone) from host; end`,
  `create function text_${x}() returns bigint language plpgsql as $$ begin return (select sum(gone) from host); end $$`,
  `create table referring_${x} (id int primary key, item int references item)`,
])

const small = { name: 'f', tables: ['item'], columns: { host: ['gone'] } }
const whole = {
  ...small,
  views: ['view_a', 'view_b', 'view_c', 'built_a', 'built_b', 'built_c'],
  functions: ['sum_a', 'sum_b', 'sum_c'],
  constraints: {
    referring_a: ['referring_a_item_fkey'],
    referring_b: ['referring_b_item_fkey'],
    referring_c: ['referring_c_item_fkey'],
  },
  triggers: { host: ['trigger_a', 'trigger_b', 'trigger_c', 'kept_a', 'kept_b', 'kept_c'] },
  policies: { host: ['policy_a', 'policy_b', 'policy_c'] },
}

test('nothing that is printed tells in which order objects were created', async () => {
  await asOwner(first(), [TABLES, ...OBJECTS].join(';'))
  await asOwner(second(), [TABLES, ...OBJECTS.toReversed()].join(';'))
  expect(await printed(second())).toEqual(await printed(first()))
})

async function printed({ db }: TestDatabase) {
  const { message } = await refusal('undeclared_dependents', planRemoval(db, small))
  const { objects, warnings, fingerprint } = await planRemoval(db, whole)
  const review = await reviewRemoval(db, whole)
  await removeFeature(db, whole)
  return {
    ...{ message, warnings, fingerprint },
    // PostgreSQL's own triggers have identifiers in their names
    objects: objects.filter(({ identity }) => !identity.includes('RI_ConstraintTrigger')),
    review: 'objects' in review ? [review.objects, review.units, review.dependencies, review.hazards] : [],
    health: (await checkHealth(db)).map(({ found }) => found),
  }
}
