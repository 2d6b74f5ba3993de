import { planRemoval, type FeatureDeclaration } from 'kysely-unship'
import { expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()

interface Case {
  readonly what: string
  /** What there is before. */
  readonly setup: string
  /** Created in this order, and in the opposite one, as a dump creates things in another order than migrations did. */
  readonly created: readonly string[]
  /** What is created when all of that is there. */
  readonly then?: string
  readonly objects: Omit<FeatureDeclaration, 'name'>
}

const host = 'create table host (id int primary key, gone int, also int);'

const cases: readonly Case[] = [
  {
    what: 'tables that refer to one',
    setup: host,
    created: ['create table a (id int references host)', 'create table z (id int references host)'],
    objects: { tables: ['a', 'z'] },
  },
  {
    what: 'foreign keys',
    setup: `${host} create table a (id int); create table z (id int);`,
    created: [
      'alter table a add constraint a_fk foreign key (id) references host',
      'alter table z add constraint z_fk foreign key (id) references host',
    ],
    objects: { tables: ['z', 'a'] },
  },
  {
    what: 'tables that are moved, with what hangs on them',
    setup: '',
    created: [
      'create table a (id serial primary key, other bigserial, check (id > 0))',
      'create table m (id serial primary key, other bigserial, check (id > 0))',
      'create table z (id serial primary key, other bigserial, check (id > 0))',
    ],
    objects: { tables: ['m', 'z', 'a'] },
  },
  {
    what: 'partitions of a table that is moved',
    setup: 'create table p (id int primary key) partition by range (id);',
    created: [
      'create table p1 partition of p for values from (0) to (10)',
      'create table p2 partition of p for values from (10) to (20) partition by range (id)',
      'create table p3 partition of p default',
    ],
    then: 'create table p2_1 partition of p2 default',
    objects: { tables: ['p'] },
  },
  {
    what: 'partitions of a host table',
    setup: `create table p (id int primary key, gone int check (gone > 0)) partition by range (id);
      create index on p (gone);`,
    created: [
      'create table p1 partition of p for values from (0) to (10)',
      'create table p2 partition of p for values from (10) to (20) partition by range (id)',
      'create table p3 partition of p default',
    ],
    then: `create table p2_1 partition of p2 default; create index p1_own on p1 (gone, id);
      alter table p1 add constraint c1 check (gone < 9); alter table p3 add constraint c3 check (gone < 9);`,
    objects: { columns: { p: ['gone'] }, indexes: ['p1_own'] },
  },
  {
    what: 'tables that inherit',
    setup: 'create table parent (id int);',
    created: ['create table a (x int) inherits (parent)', 'create table z (x int) inherits (parent)'],
    objects: { tables: ['parent', 'a', 'z'] },
  },
  {
    what: 'what hangs on columns of host tables',
    setup: 'create table a (id int primary key); create table z (id int primary key, also int);',
    created: [
      'alter table a add gone serial unique check (gone > 0)',
      'alter table z add gone serial unique check (gone > 0)',
      'alter table z add foreign key (also) references a',
    ],
    objects: { columns: { z: ['gone', 'also'], a: ['gone'] } },
  },
  {
    what: 'triggers, policies and rules',
    setup: `${host} create table other (id int);
      create function note() returns trigger language plpgsql as 'begin return new; end';`,
    created: [
      'create trigger b before update on host for each row execute function note()',
      'create trigger a before update on other for each row execute function note()',
      'create policy b on host using (true)',
      'create policy a on other using (true)',
      'create rule b as on delete to other do also nothing',
      'create rule a as on delete to host do also nothing',
    ],
    objects: {
      functions: ['note'],
      triggers: { host: ['b'], other: ['a'] },
      policies: { other: ['a'], host: ['b'] },
      rules: { other: ['b'], host: ['a'] },
    },
  },
  {
    what: 'views and functions that a view needs',
    setup: `${host} create view host_view as select id from host;`,
    created: [
      'create view a as select id, gone from host',
      'create view m as select id, also from host',
      `create function z(int) returns int language sql as 'select 1'`,
      `create function z(text) returns int language sql as 'select 1'`,
      `create function b() returns int language sql as 'select 1'`,
    ],
    then: `create view "All" as select a.id, a.gone, m.also, z(1), b(), z('') as c from m join a using (id)`,
    objects: { columns: { host: ['gone', 'also'] }, views: ['All', 'm', 'a'], functions: ['z(int)', 'z(text)', 'b'] },
  },
]

test.for(cases)('a plan does not tell in which order these were created: $what', async (one) => {
  const plans = []
  for (const created of [one.created, one.created.toReversed()]) {
    await asOwner(database(), 'drop schema if exists elsewhere cascade; create schema elsewhere')
    const statements = [one.setup, ...created.map((sql) => `${sql};`), one.then ?? '']
    await asOwner(database(), `set search_path = elsewhere; ${statements.join('\n')}; reset search_path`)
    plans.push(await planRemoval(database().db, { name: 'f', schema: 'elsewhere', ...one.objects }))
  }
  const [first, second] = plans.map(({ removal, restore, locks }) => ({ removal, restore, locks }))
  expect(second).toEqual(first)
  expect(plans[1]?.fingerprint).toBe(plans[0]?.fingerprint)
})
