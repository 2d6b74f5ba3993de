import { describe, expect, test } from 'vitest'
import { planRemoval, removeFeature, restoreFeature, reviewRestore, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner, expectRefusal, expectRoundTrip } from '../support/round-trip.ts'

const database = useDatabase()
const owner = (sql: string) => asOwner(database(), sql)

const feature: FeatureDeclaration = { name: 'tickets', columns: { members: ['ticket'] } }
const acknowledging = { ...feature, acknowledge: { rewrites: feature.columns ?? {} } }

const TICKET = `create sequence numbers; create domain ticket as bigint default nextval('numbers')`
/** Ten rows, of which some hold NULL unless told. */
const members = (domain: string, column: string, nulls = true) => `${domain};
  create table members (id int primary key, name text, ticket ${column});
  insert into members (id, ticket) select n, ${nulls ? `case when n % 3 > 0 then 100 + n end` : '100 + n'} from generate_series(1, 10) n`
const partitioned = `${TICKET};
  create table members (id int primary key, name text, ticket ticket) partition by range (id);
  create table members_1 partition of members for values from (0) to (5);
  create table members_2 partition of members for values from (5) to (100);
  alter table members_2 alter ticket set default 5;
  insert into members (id, ticket) select n, case when n % 3 > 0 then 100 + n end from generate_series(1, 10) n`

const files = () =>
  database().query(
    `select relname, pg_relation_filenode(oid) as file from pg_class where relname ~ '^members' and relkind = 'r' order by 1`,
  )
const drawn = async () =>
  (
    await database().query<{ drawn: string }>(
      `select case when is_called then last_value else 0 end as drawn from numbers`,
    )
  )[0]?.drawn

describe('a domain whose default draws from a sequence: no number is drawn, no table rewritten', () => {
  const over = `${TICKET}; create domain vip as ticket`
  test.each<[string, string, FeatureDeclaration]>([
    ['no default of the column', members(TICKET, 'ticket'), feature],
    ['NULL as its default', members(TICKET, 'ticket default null'), feature],
    ['a constant as its default', members(TICKET, 'ticket default 7'), feature],
    ['its default draws too', members(TICKET, `ticket default nextval('numbers')`), feature],
    ['NOT NULL', members(TICKET, 'ticket not null', false), feature],
    ['a domain over it', members(over, 'vip'), feature],
    [
      'a domain over it, with NULL as its default',
      members(over.replace('as ticket', 'as ticket default null'), 'vip'),
      feature,
    ],
    ['an array of it', members(TICKET, 'ticket[]').replace('100 + n', 'array[n]'), feature],
    ['of a partitioned table', partitioned, feature],
    ['the domain goes too', members(TICKET, 'ticket'), { ...feature, types: ['ticket'] }],
    [
      'the domain goes too, and the sequence',
      members(TICKET, 'ticket'),
      { ...feature, types: ['ticket'], sequences: ['numbers'] },
    ],
    [
      'the sequence is of a table that goes',
      members(
        `create table raffle (n serial primary key); alter sequence raffle_n_seq rename to numbers;
         create domain ticket as int default nextval('numbers')`,
        'ticket',
      ),
      { ...feature, types: ['ticket'], tables: ['raffle'] },
    ],
    [
      'a check and unique indexes, which a new row is tried against',
      `${members(TICKET, 'ticket')}; alter table members add check (ticket > 0);
       create unique index on members (ticket) where ticket > 0; create unique index on members ((ticket + 1))`,
      feature,
    ],
  ])('%s', async (_, setup, declared) => {
    await owner(setup)
    const before = await files()
    await planRemoval(database().db, declared)
    await expectRoundTrip(database(), declared, { removed: () => reviewRestore(database().db, declared) })
    expect(await files()).toEqual(before)
  })

  test('in a table that goes as a whole', async () => {
    await owner(members(TICKET, 'ticket'))
    await expectRoundTrip(database(), { name: 'tickets', tables: ['members'] })
    await expectRoundTrip(database(), { name: 'all', tables: ['members'], types: ['ticket'], sequences: ['numbers'] })
  })

  test.each([
    ['', feature, members(TICKET, 'ticket')],
    ['of a partitioned table', feature, partitioned.replace(/alter table .*;/, '')],
    [
      'and the domain and sequence are of the feature',
      { ...feature, types: ['ticket'], sequences: ['numbers'] },
      members(TICKET, 'ticket'),
    ],
  ])('but for rows that come meanwhile, one for each %s', async (_, declared, setup) => {
    await owner(setup)
    const query = 'select id, ticket from members order by id'
    const before = await database().query(query)
    await removeFeature(database().db, declared)
    await owner('insert into members (id) values (11), (12)')
    await restoreFeature(database().db, declared)
    const given = await database().query<{ id: number; ticket: string }>(query)
    expect(given.slice(0, -2)).toEqual(before)
    expect(
      given
        .slice(-2)
        .map(({ ticket }) => ticket)
        .sort(),
    ).toEqual(['1', '2'])
    expect(await drawn()).toBe('2')
  })
})

describe('one with a check, which rewrites the table', () => {
  test.each([
    ['no default of the column', members(`${TICKET} check (value > 0)`, 'ticket')],
    [
      'its default draws',
      members(
        `create sequence numbers; create domain ticket as int check (value > 0)`,
        `ticket default nextval('numbers')`,
      ),
    ],
    [
      'its default calls what draws',
      members(
        `create sequence numbers; create function next() returns bigint language plpgsql as $$ begin return nextval('public.numbers'); end $$;
       create domain ticket as bigint check (value > 0)`,
        'ticket default next()',
      ),
    ],
    ['NULL as its default', members(`${TICKET} check (value > 0)`, 'ticket default null')],
    [
      'it takes no NULL, and the column has a constant as its default',
      members(`${TICKET} not null`, 'ticket default 7', false),
    ],
  ])('draws nothing: %s', async (_, setup) => {
    await owner(setup)
    await refusal('rewrite_not_acknowledged', planRemoval(database().db, feature))
    await expectRoundTrip(database(), acknowledging, { removed: () => reviewRestore(database().db, feature) })
  })

  test.each([
    ['it is NOT NULL', members(`${TICKET} not null`, 'ticket', false)],
    ['a check takes no NULL', members(`${TICKET} check (value is not null)`, 'ticket', false)],
    [
      'the domain that it is over takes no NULL',
      members(`create domain there as bigint not null; ${TICKET.replace('bigint', 'there')}`, 'ticket', false),
    ],
    [
      'the default that draws is of the column',
      members(
        `create sequence numbers; create domain ticket as bigint not null`,
        `ticket default nextval('numbers')`,
        false,
      ),
    ],
  ])('is refused where nothing could be given without drawing: %s', async (_, setup) => {
    await owner(setup)
    const error = await expectRefusal(database(), acknowledging)
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toMatch(
      /^the default of column members\.ticket would draw for each row that is there, and its domain takes no NULL instead \(a constant default of the column's own would do\): /,
    )
  })

  test('but not where a default that varies draws nothing', async () => {
    await owner(`create domain code as uuid not null default gen_random_uuid();
      create table members (id int primary key, ticket code);
      insert into members select n from generate_series(1, 5) n`)
    await expectRoundTrip(database(), acknowledging)
  })
})

describe('what the default of a domain draws from', () => {
  test('is asked for before a restore changes anything', async () => {
    await owner(members(TICKET, 'ticket'))
    await removeFeature(database().db, feature)
    await owner('alter domain ticket drop default; drop sequence numbers')
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
    expect(error.detail).toContain(
      'sequence public.numbers does not exist: column ticket of table public.members needs it.',
    )
  })

  test('has to be open to who removes', async () => {
    await owner(members(TICKET, 'ticket'))
    await database().query('alter sequence numbers owner to current_user')
    const error = await expectRefusal(database(), feature)
    expect(error.message).toContain('USAGE on sequence')
  })

  test('is no removed identity column', async () => {
    await owner(`create table members (id int primary key, n bigint generated always as identity, ticket bigint);
      create domain ticket as bigint default nextval('members_n_seq'); alter table members alter ticket type ticket;
      insert into members (id) select n from generate_series(1, 5) n`)
    const error = await expectRefusal(database(), {
      name: 'tickets',
      columns: { members: ['n', 'ticket'] },
      types: ['ticket'],
    })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toContain(
      'type public.ticket needs sequence public.members_n_seq, which goes and comes with its identity column',
    )
  })
})
