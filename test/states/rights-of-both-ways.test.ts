import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner, major } from '../support/round-trip.ts'

const database = useDatabase()

const SETUP = `
  create table people (id int primary key, name text, nick text);
  insert into people values (1, 'Ada', 'a'), (2, 'Bob', 'b');
  create table notes (id int primary key references people);
  insert into notes values (1)`

interface Case {
  /** What the owner makes. */
  readonly own?: string
  /** What a superuser makes. */
  readonly given?: string
  readonly feature?: Omit<FeatureDeclaration, 'name'>
  /** What the removal asks for; nothing where it gets on without. */
  readonly lacks: readonly string[]
}

const nick = { columns: { people: ['nick'] } }
const AUDIT = `create function audit() returns trigger language plpgsql as 'begin return new; end'`
const OK = `create function ok(text) returns boolean language sql immutable as 'select true'`
const CLOSED = `create schema closed; create function closed.nick() returns text language sql as 'select ''n''::text'`

const cases: Readonly<Record<string, Case>> = {
  'to run the function of a trigger that stays': {
    given: `${AUDIT}; create trigger audit after update on people for each row execute function audit();
      revoke all on function audit() from public`,
    lacks: ['EXECUTE on function public.audit()'],
  },
  'to run the function of a trigger that filling does not fire': {
    given: `${AUDIT}; create trigger audit after insert or update of name on people for each row execute function audit();
      revoke all on function audit() from public; grant select, insert on people to crm_app`,
    lacks: [],
  },
  'to run a function in the WHEN of a trigger that stays': {
    given: `${AUDIT}; ${OK}; create trigger audit after update on people for each row when (ok(new.name)) execute function audit();
      revoke all on function ok(text) from public`,
    lacks: ['EXECUTE on function public.ok(text)'],
  },
  'to run the function of a check that stays': {
    given: `${OK}; alter table people add check (ok(name)); revoke all on function ok(text) from public`,
    lacks: ['EXECUTE on function public.ok(text)'],
  },
  'to run the function of an index that stays': {
    given: `${OK}; create index on people (ok(name)); revoke all on function ok(text) from public`,
    lacks: ['EXECUTE on function public.ok(text)'],
  },
  'to run the function of a check and an index that go': {
    given: `${OK}; alter table people add check (ok(nick)); create index on people (ok(nick)); revoke all on function ok(text) from public`,
    feature: { columns: { people: ['nick'] } },
    lacks: ['EXECUTE on function public.ok(text)'],
  },
  'to run the function of a materialized view': {
    given: `${OK}; create materialized view shown as select ok(nick) from people; alter materialized view shown owner to crm_owner;
      revoke all on function ok(text) from public`,
    feature: { columns: { people: ['nick'] }, views: ['shown'] },
    lacks: ['EXECUTE on function public.ok(text)'],
  },
  'to run the function of a view, which nobody runs': {
    given: `${OK}; create view shown as select ok(nick) from people; alter view shown owner to crm_owner;
      revoke all on function ok(text) from public`,
    feature: { columns: { people: ['nick'] }, views: ['shown'] },
    lacks: [],
  },
  'to draw from the sequence of a default': {
    given: `create sequence numbers; alter table people add number int default nextval('numbers')`,
    feature: { columns: { people: ['number'] } },
    lacks: ['USAGE on sequence public.numbers'],
  },
  'to look into the schema of the function of a default': {
    given: `${CLOSED}; alter table people alter nick set default closed.nick()`,
    lacks: ['USAGE on schema closed'],
  },
  'to look into the schema of the function of a view': {
    given: `${CLOSED}; create view shown as select nick, closed.nick() as other from people; alter view shown owner to crm_owner`,
    feature: { views: ['shown'] },
    lacks: ['USAGE on schema closed'],
  },
  'to look into the schema of a domain': {
    given: `create schema closed; create domain closed.nick as text; alter table people add other closed.nick`,
    feature: { columns: { people: ['other'] } },
    lacks: ['USAGE on schema closed'],
  },
  'to use the type of a column': {
    given: `create type mood as enum ('good'); revoke usage on type mood from public; alter table people add moods mood[]`,
    feature: { columns: { people: ['moods'] } },
    lacks: ['USAGE on type public.mood[]'],
  },
  'to look into the schema of its table': {
    given: `create schema closed; grant create on schema closed to crm_owner; alter table notes set schema closed;
      alter table people set schema closed`,
    feature: { columns: { 'closed.people': ['nick'] } },
    lacks: ['USAGE on schema closed'],
  },
  'to set a parameter that a function sets': {
    given: `create function tenant() returns text language sql set app.tenant = 'y' as 'select 1::text';
      alter function tenant() owner to crm_owner`,
    feature: { functions: ['tenant'] },
    lacks: [],
  },
  'to write to its own table any more': {
    own: 'revoke all on notes from crm_owner',
    feature: { tables: ['notes'] },
    lacks: [],
  },
}

describe('a role that lacks the right', () => {
  test.each(Object.entries(cases))('%s removes nothing that it cannot restore', async (_, { own, given, ...rest }) => {
    await asOwner(database(), [SETUP, own ?? ''].join(';'))
    if (given !== undefined) await database().query(given)
    await expectBothWays({ name: 'f', ...(rest.feature ?? nick) }, rest.lacks)
  })

  test.runIf(major() >= 15).each([
    ['an index', 'create index people_nick on people (nick) tablespace', {}],
    ['a materialized view', 'create materialized view nicks tablespace', { views: ['nicks'] }],
  ])('to the tablespace of %s removes nothing that it cannot restore', async (_, create, more) => {
    await asOwner(database(), SETUP)
    const admin = await database().connect('admin')
    const space = `space_${database().name}`
    await admin.query('set allow_in_place_tablespaces = on')
    await admin.query(`create tablespace ${space} location ''`)
    try {
      await admin.query(`${create} ${space}${'views' in more ? ' as select nick from people' : ''}`)
      if ('views' in more) await admin.query('alter materialized view nicks owner to crm_owner')
      const feature = { name: 'f', ...nick, ...more }
      await expectBothWays(feature, [`CREATE on tablespace ${space}`])
      await removeFeature(database().db, feature)
      await admin.query(`revoke create on tablespace ${space} from crm_owner`)
      const restoring = () => restoreFeature(database().db, feature)
      const { hint } = await refusedUnchanged(database(), 'missing_privilege', restoring)
      await follow(hint)
      expect((await restoring()).outcome).toBe('restored')
    } finally {
      await admin.query(`drop owned by crm_owner cascade`)
      await admin.query(`drop tablespace ${space}`)
    }
  })
})

const follow = async (hint: string | undefined) => {
  const grants = hint?.match(/^grant .*;$/gm) ?? []
  expect(grants).not.toEqual([])
  await database().query(grants.join('\n'))
}

const readGrants = () =>
  database().query(
    `select oid::regclass::text as name, relacl::text from pg_class where relname in ('people', 'notes')`,
  )

/** Removed when it has what it asks for, as the hint says, and restored after rows have come. */
async function expectBothWays(feature: FeatureDeclaration, lacks: readonly string[]) {
  const removing = () => removeFeature(database().db, feature)
  if (lacks.length > 0) {
    const { detail, hint } = await refusedUnchanged(database(), 'missing_privilege', removing)
    expect(detail).toBe(lacks.map((lack) => `${lack}.`).join('\n'))
    await follow(hint)
  }
  const before = await readGrants()
  expect((await removing()).outcome).toBe('removed')
  await database().query(`insert into ${Object.keys(feature.columns ?? {})[0] ?? 'people'} (id, name) values (3, 'Cy')`)
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  expect(await readGrants()).toEqual(before)
}
