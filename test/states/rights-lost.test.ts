import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

const feature: FeatureDeclaration = {
  ...{
    name: 'extras',
    tables: ['partners'],
    columns: { members: ['note', 'moods', 'number'] },
    views: ['notes', 'theirs'],
  },
  ...{ triggers: { members: ['touched'] }, indexes: ['lowered'] },
}

describe('rights that are lost while a feature is away', () => {
  const roles = useRoles('writer')
  const database = useDatabase()

  const remove = async () => {
    const [writer] = roles()
    await database().query(`
      create schema other; grant usage on schema other to crm_owner; revoke create on schema public from public;
      grant create on schema public to ${writer}, crm_owner; grant ${writer} to crm_owner;
      create type other.mood as enum ('good', 'bad'); grant usage on type other.mood to crm_owner; revoke usage on type other.mood from public;
      create function other.touch() returns trigger language plpgsql as 'begin return new; end';
      create function other.audit() returns trigger language plpgsql as 'begin return new; end'; create sequence other.numbers;
      grant usage on sequence other.numbers to crm_owner;
      create function other.low(text) returns text language sql immutable as 'select pg_catalog.lower($1)';
      grant execute on all functions in schema other to crm_owner; revoke execute on all functions in schema other from public`)
    await asOwner(
      database(),
      `create table members (id int primary key, name text, note text, moods other.mood[], number int default nextval('other.numbers')) partition by range (id);
       create table members_1 partition of members for values from (0) to (100);
       create table partners (id int primary key, member int references members);
       create view notes as select id, note from members;
       create view theirs as select id from partners; alter view theirs owner to ${writer};
       create index lowered on members (other.low(note));
       create trigger audit after update on members for each row when (other.low(new.name) <> '') execute function other.audit();
       create trigger touched after insert on members for each row execute function other.touch();
       insert into members select n, 'name', 'note ' || n, '{good}' from generate_series(1, 50) n; insert into partners values (1, 1)`,
    )
    await removeFeature(database().db, feature)
  }

  test.each([
    ['UPDATE on table members', 'update on members'],
    ['SELECT on table members', 'select on members'],
    ['SELECT on table members_1', 'select on members_1'],
    ['REFERENCES on table members', 'references on members'],
    ['SELECT on table backup_extras_members', 'select on backup_extras_members'],
    ['SELECT on table backup_partners', 'select on backup_partners'],
    ['DELETE on table backup_partners', 'delete on backup_partners'],
    ['Membership in role writer', 'writer'],
    ['CREATE on schema public, for role writer', 'create on schema public', 'writer'],
    ['USAGE on type other.mood[]', 'usage on type other.mood'],
    ['EXECUTE on function other.touch()', 'execute on function other.touch()'],
    ['EXECUTE on function other.low(text)', 'execute on function other.low(text)'],
    ['EXECUTE on function other.audit()', 'execute on function other.audit()'],
    ['USAGE on sequence other.numbers', 'usage on sequence other.numbers'],
    ['USAGE on schema other', 'usage on schema other'],
  ])('%s: asked for before anything changes, and given as the hint says', async (what, right, from = 'crm_owner') => {
    await remove()
    const named = (text: string) => text.replace('writer', roles()[0])
    await database().query(`revoke ${named(right)} from ${named(from)}`)
    const error = await refusedUnchanged(database(), 'missing_privilege', () => restoreFeature(database().db, feature))
    expect(error.detail).toBe(`${named(what)}.`)
    const grants = error.hint?.split('\n').filter((line) => line.startsWith('grant ')) ?? []
    expect(grants).toHaveLength(1)
    await database().query(grants.join(''))
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('on the language of a function', async () => {
    const language = 'handler plpgsql_call_handler inline plpgsql_inline_handler validator plpgsql_validator'
    await database().query(`create trusted language "my pl" ${language}; create trusted language other ${language}`)
    await asOwner(
      database(),
      `create function g() returns int language "my pl" as 'begin return 1; end'; create function moved(text) returns text immutable language other as 'begin return $1; end';
       create table log (id int primary key, t text default moved('t'))`,
    )
    const all = { name: 'f', functions: ['g', 'moved'], tables: ['log'] }
    await removeFeature(database().db, all)
    // what is moved is not created again
    await database().query('revoke usage on language "my pl" from public; revoke usage on language other from public')
    const error = await refusedUnchanged(database(), 'missing_privilege', () => restoreFeature(database().db, all))
    expect(error.detail).toBe('USAGE on language my pl.')
    expect(error.hint).toContain('grant usage on language "my pl" to "crm_owner";')
    await database().query('grant usage on language "my pl" to crm_owner')
    expect(await restoreFeature(database().db, all)).toMatchObject({ outcome: 'restored' })
  })

  test.each([
    { name: 'f', tables: ['log'] },
    { name: 'f', columns: { log: ['parent'] } },
  ])('to see the rows that a foreign key refers to', async (feature) => {
    const [writer] = roles()
    await database().query(
      `create table parents (id int primary key); insert into parents select generate_series(1, 5);
       alter table parents owner to ${writer}; grant select, references on parents to crm_owner`,
    )
    await asOwner(
      database(),
      'create table log (id int primary key, parent int references parents); insert into log select n, n from generate_series(1, 5) n',
    )
    await removeFeature(database().db, feature)
    await database().query('alter table parents enable row level security')
    const error = await refusedUnchanged(database(), 'row_security', () => restoreFeature(database().db, feature))
    expect(error.primary).toContain('rows of parents from the restore')
    await database().query('alter table parents disable row level security')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', setAside: [] })
  })

  test('on a backup, while a restore lies broken: it is told as what it is', async () => {
    await remove()
    const stop = () => Promise.reject(new Error('stopped'))
    const stopped = actingBefore(database(), 'with filled as', stop, (db) => restoreFeature(db, feature))
    await expect(stopped).rejects.toThrow('stopped')
    await database().query('revoke select on backup_extras_members from crm_owner')
    const error = await refusal('missing_privilege', restoreFeature(database().db, feature))
    expect(error.detail).toBe('SELECT on table backup_extras_members.')
    await database().query('grant select on backup_extras_members to crm_owner')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })
})
