import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRefusal, expectRoundTrip } from '../../support/round-trip.ts'

describe('row level security', () => {
  const database = useDatabase()

  test('of moved tables comes back with the policies of every role', async () => {
    await asOwner(
      database(),
      `create table team (id int primary key, name text);
       create table secret (id int primary key, team_id int references team, owner text, hidden boolean);
       create table quiet (id int);
       create function may_see(text) returns boolean language sql stable as 'select $1 = current_user::text';
       alter table secret enable row level security;
       alter table secret force row level security;
       alter table quiet enable row level security;
       create policy everyone on secret using (not hidden);
       create policy own on secret for update to crm_app, crm_reporting using (may_see(owner)) with check (owner <> '');
       create policy narrow on secret as restrictive for delete to public using (false);
       create policy add on secret for insert to current_user with check (exists (select from team t where t.id = team_id));
       create policy disabled on quiet for select using (id > 0);
       create policy through_it on quiet for delete using (exists (select from secret));
       comment on policy own on secret is 'each their own';
       grant select, update on secret to crm_app;
       insert into team values (1, 'a'); `,
    )
    await database().query(`insert into secret values (1, 1, 'crm_app', false), (2, 1, 'x', true)`)
    await expectRoundTrip(database(), {
      name: 'secrets',
      tables: ['secret', 'quiet'],
      functions: ['may_see'],
    })
  })

  test('policies of kept tables that name the feature are declared, or refused with a suggestion', async () => {
    await asOwner(
      database(),
      `create table kept (id int primary key, level int, name text);
       create table member (id int primary key, name text);
       create function is_member(text) returns boolean language sql stable
         as 'select exists (select from public.member m where m.name = $1)';
       alter table kept enable row level security;
       create policy by_level on kept for select to crm_app using (level > 2);
       create policy by_table on kept for update using (exists (select from member m where m.id = kept.id));
       create policy by_function on kept as restrictive for insert with check (is_member(name));
       create policy unrelated on kept using (name <> '');
       comment on policy by_level on kept is 'by level';
       insert into kept values (1, 1, 'a'), (2, 3, 'b'); insert into member values (2, 'b');`,
    )
    const feature = { name: 'members', tables: ['member'], columns: { kept: ['level'] }, functions: ['is_member'] }
    const refusal = await expectRefusal(database(), feature)
    expect(refusal.code).toBe('undeclared_dependents')
    expect({ policies: { kept: refusal.suggestion?.policies?.kept?.toSorted() } }).toEqual({
      policies: { kept: ['by_function', 'by_level', 'by_table'] },
    })
    await expectRoundTrip(
      database(),
      { ...feature, ...refusal.suggestion },
      {
        removed: async () =>
          expect(await database().query('select polname from pg_policy')).toEqual([{ polname: 'unrelated' }]),
      },
    )
  })
})
