import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { refusedUnchanged } from '../../support/refusal.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

const database = useDatabase()
const detailOf = async (feature: FeatureDeclaration, db = database().db) => {
  const error = await refusedUnchanged(database(), 'not_restorable', () => removeFeature(db, feature))
  return error.detail?.replaceAll('public.', '')
}
const OTHERWISE = 'would mean something else than it does when it is created again: its words would be read'

/** PostgreSQL prints `CASE a WHEN b` and `USING` without the operator that compares. */
describe('what compares values of a type of an extension', () => {
  beforeEach(async () => {
    await database().query('create extension citext')
    await asOwner(
      database(),
      `create table page (id int primary key, state citext, lower text);
       create function touch() returns trigger language plpgsql as 'begin return new; end'`,
    )
  })

  test('and is printed without its operator', async () => {
    const secret = (state = 'state') => `(case ${state} when 'secret' then true else false end)`
    await asOwner(
      database(),
      `create table bill (state citext, amount int);
       create view cased as select id, ${secret()} from page;
       create view joined as select amount from page join bill using (state);
       create materialized view natural_joined as select amount from page natural join bill;
       create policy shown on page using ${secret()};
       create trigger told before insert on page for each row when ${secret('new.state')} execute function touch();
       create rule ruled as on insert to page where ${secret('new.state')} do also insert into bill values ('a', 1);
       create index partial on page (lower) where ${secret()}; create index expressed on page (${secret()});
       create statistics counted on ${secret()}, id from page;
       create function parsed(citext) returns bool language sql return ${secret('$1')};
       create function given(bool default ${secret('current_user::citext')}) returns bool language sql as 'select $1';
       alter table page alter lower set default case current_user::citext when 'a' then 'b' end,
         add constraint checked check (state is null or ${secret()}), add constraint excluded exclude (id with =) where (${secret()}),
         add generated bool generated always as ${secret()} stored`,
    )
    const detail = await detailOf({
      name: 'states',
      columns: { page: ['state', 'lower', 'generated'] },
      views: ['cased', 'joined', 'natural_joined'],
      functions: ['parsed', 'given'],
      ...{ policies: { page: ['shown'] }, triggers: { page: ['told'] }, rules: { page: ['ruled'] } },
      ...{ indexes: ['partial', 'expressed'], statistics: ['counted'], constraints: { page: ['checked', 'excluded'] } },
      acknowledge: { rewrites: { page: ['generated', 'excluded'] } },
    })
    expect(detail?.split('\n').sort()).toEqual(
      [
        ...[
          'view cased',
          'view joined',
          'materialized view natural_joined',
          'policy shown of page',
          'trigger told of page',
        ],
        ...['rule ruled of page', 'index partial of page', 'index expressed of page', 'statistics counted of page'],
        ...[
          'function parsed(citext)',
          'function given(boolean)',
          'the default of column page.lower',
          'check checked of page',
        ],
        ...['exclusion constraint excluded of page', 'generated column generated of page'],
      ]
        .map((what) => `${what} ${OTHERWISE} without operator =(citext,citext).`)
        .sort(),
    )
  })

  test('and is printed with all that it is made of comes back', async () => {
    await asOwner(
      database(),
      `create type mood as enum ('sad', 'ok'); create domain short as citext; create collation mine from "C";
       alter table page add mood mood default 'sad', add short short, add moods mood[] default array['ok']::mood[],
         add constraint moody check (mood > 'sad' or mood in ('sad', 'ok') or mood = any (moods)),
         add constraint secret check (state <> 'secret' or state like 'a%' or lower collate mine > 'a' or short = 'y'::citext);
       create index moods on page (mood, state citext_pattern_ops, lower collate mine) where state in ('a', 'b');
       create policy shown on page using (state >= 'a' and lower = state);
       create statistics counted on (lower || mood::text), (state || 'x'::citext) from page;
       create view pages as select distinct on (state) state, mood, lower(state), state || 'x'::citext as more
         from page where state = any (select state from page) and mood > 'sad' and state <> 'Y' order by state desc;
       create function told(citext default 'a', mood default 'ok') returns bool language sql begin atomic select $1 > 'b' and $2 > 'sad'; end;
       create trigger t before insert on page for each row when (new.state ~ 'a' and new.mood > 'sad') execute function touch();
       insert into page (id, state, lower, short) values (1, 'open', 'open', 'a')`,
    )
    await expectRoundTrip(database(), {
      name: 'states',
      columns: { page: ['state', 'mood', 'moods', 'short', 'lower'] },
      ...{ views: ['pages'], functions: ['told'], policies: { page: ['shown'] }, triggers: { page: ['t'] } },
    })
  })
})

/** `label(anyelement)` was called before there was `label(text)`, which the same words would call from then on. */
const GENERAL = `create function label(anyelement) returns text language sql immutable as 'select ''general''';`
const SPECIAL = `create function label(text) returns text language sql immutable as 'select ''special''';`

describe('what has come since a definition was made, and would be called in place of what it calls', () => {
  test('functions', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key, kind text); ${GENERAL} create view labels as select label(kind) as label from item;
       create policy hidden on item using (label(kind) = 'special'); create index labelled on item (label(kind)); ${SPECIAL}`,
    )
    const declared = { columns: { item: ['kind'] }, views: ['labels'], policies: { item: ['hidden'] } }
    expect((await detailOf({ name: 'kinds', ...declared }))?.split('\n').sort()).toEqual(
      ['index labelled of item', 'policy hidden of item', 'view labels'].map(
        (what) =>
          `${what} ${OTHERWISE} without function label(pg_catalog.anyelement), with function label(pg_catalog.text).`,
      ),
    )
  })

  test('a cast', async () => {
    await database().query(
      `create type mood as enum ('sad', 'ok');
       create function rank(mood) returns int language sql immutable as 'select 1';
       create function grade(mood) returns int language sql immutable as 'select 2';
       create cast (mood as int) with function rank(mood);
       create table item (id int primary key, mood mood); insert into item values (1, 'ok');
       create view ranks as select mood::int as rank from item;
       drop cast (mood as int); create cast (mood as int) with function grade(mood)`,
    )
    const feature = { name: 'moods', columns: { item: ['mood'] }, views: ['ranks'] }
    expect(await detailOf(feature, database().admin)).toContain(
      `view ranks ${OTHERWISE} without function rank(mood), with function grade(mood)`,
    )
  })
})
