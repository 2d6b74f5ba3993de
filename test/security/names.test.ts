import { describe, expect, test } from 'vitest'
import type { FeatureDeclaration } from 'kysely-unship'
import { id, literal } from '../../src/sql.ts'
import { useDatabase } from '../support/database.ts'
import { asOwner, expectRoundTrip } from '../support/round-trip.ts'

/** Each would run something if it were pasted into a statement as it is. */
const NAMES = [
  `a"; drop table victims; -- ".."`,
  `b'; drop table victims; $$ $unship$ $watch$ end; --`,
  `c\n; drop table victims; /* %I %s %% {0} :x $1 ?`,
  `d\\'; drop table victims; --`,
]

describe('a feature whose names are hostile', () => {
  const database = useDatabase()

  test.each(NAMES)('%j comes and goes, and nothing of its names is run', async (name) => {
    const n = (suffix: string) => id(`${name}${suffix}`)
    const text = literal(name)
    await asOwner(
      database(),
      `create table victims (id int);
       create schema ${n('s')};
       create type ${n('e')} as enum (${text}, 'plain');
       create table ${n('h')} (id int primary key, kept text, ${n('c')} text default ${text}, ${n('e')} ${n('e')} default ${text});
       create table ${n('t')} (${n('k')} int primary key references ${n('h')}, ${n('c')} text default ${text});
       insert into ${n('h')} values (1, 'a', ${text}, 'plain'), (2, 'b', null, ${text}), (3, 'c', 'plain', null);
       insert into ${n('t')} values (1, ${text}), (2, 'x');
       create index ${n('i')} on ${n('h')} (lower(${n('c')})) where ${n('c')} <> ${text};
       alter table ${n('h')} add constraint ${n('q')} check (${n('c')} <> ${literal(`not ${name}`)});
       create view ${n('v')} as select id as ${n('x')}, ${n('c')} from ${n('h')} where ${n('c')} is distinct from ${text};
       create function ${n('f')}(${n('a')} text) returns text language plpgsql as ${literal(` begin return ${text}; end `)};
       create function ${n('g')}() returns trigger language plpgsql as $f$ begin return new; end $f$;
       create trigger ${n('r')} before update on ${n('h')} for each row execute function ${n('g')}(${text});
       create trigger ${n('w')} before insert on ${n('h')} for each row when (new.${n('c')} = ${text}) execute function ${n('g')}();
       create policy ${n('p')} on ${n('t')} using (${n('c')} <> ${text});
       comment on table ${n('t')} is ${text};
       comment on column ${n('h')}.${n('c')} is ${text};
       comment on index ${n('i')} is ${text};
       comment on view ${n('v')} is ${text};
       comment on constraint ${n('q')} on ${n('h')} is ${text};
       comment on policy ${n('p')} on ${n('t')} is ${text};
       comment on trigger ${n('w')} on ${n('h')} is ${text}`,
    )
    const feature: FeatureDeclaration = {
      name: 'hostile',
      tables: [n('t')],
      columns: { [n('h')]: [`${name}c`, `${name}e`] },
      views: [n('v')],
      functions: [`public.${n('f')}(text)`],
      triggers: { [n('h')]: [`${name}w`] },
    }
    await expectRoundTrip(database(), feature)
    expect(await database().query(`select to_regclass('victims')::text as there`)).toEqual([{ there: 'victims' }])
  })
})
