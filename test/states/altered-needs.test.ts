import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('what stays and is altered while definitions that speak of it are away', () => {
  const database = useDatabase()
  const base: FeatureDeclaration = { name: 'extras', columns: { members: ['note'] } }
  const indexed = { ...base, indexes: ['i'] }
  const viewed = { ...base, views: ['v'] }

  const remove = async (feature: FeatureDeclaration, make: string) => {
    await asOwner(
      database(),
      `create type mood as enum ('good', 'bad', 'so''so');
       create function low(text) returns text language sql immutable as 'select pg_catalog.lower($1)';
       create table orgs (id int primary key, n text);
       create table members (id int primary key, name text, mood mood, n int, note text);
       create table partners (id int primary key, org int references orgs);
       insert into orgs values (1); insert into partners values (1, 1);
       insert into members select n, 'name', 'good', n, 'note ' || n from generate_series(1, 50) n; ${make}`,
    )
    await removeFeature(database().db, feature)
  }
  const toInteger = 'alter table members alter name type int using 1'

  const refused: [what: string, feature: FeatureDeclaration, make: string, alter: string, detail: string][] = [
    [
      'the type of a column in an index',
      indexed,
      'create index i on members (note, name text_pattern_ops)',
      toInteger,
      'column name of table members is integer, and was text: index i needs it.',
    ],
    [
      'in a view',
      viewed,
      'create view v as select upper(name) as n, note from members',
      toInteger,
      'column name of table members is integer, and was text: view v needs it.',
    ],
    [
      'in a check',
      { ...base, constraints: { members: ['c'] } },
      `alter table members add constraint c check (note <> '' or name like 'x%')`,
      toInteger,
      'column name of table members is integer, and was text: constraint c on table members needs it.',
    ],
    [
      'in the key of a parent',
      { ...base, tables: ['partners'] },
      '',
      'alter table orgs alter id type text',
      'column id of table orgs is text, and was integer: constraint partners_org_fkey on table partners needs it.',
    ],
    [
      'the type and collation of a column in a view',
      viewed,
      'alter table members alter name type text collate "C"; create view v as select upper(name) as n, note from members',
      toInteger,
      'column name of table members is integer, and was text collate "C": view v needs it.',
    ],
    [
      'the label of an enum in a view',
      viewed,
      `create view v as select note from members where mood = 'so''so'`,
      `alter type mood rename value 'so''so' to 'fine'`,
      "label so'so of type mood does not exist: view v needs it.",
    ],
    [
      'in an index',
      indexed,
      `create index i on members (note) where mood = 'good'`,
      `alter type mood rename value 'good' to 'fine'`,
      'label good of type mood does not exist: index i needs it.',
    ],
    [
      'the volatility of a function in an index',
      indexed,
      'create index i on members (low(note))',
      'alter function low(text) stable',
      'function low(text) is stable, returns text, and was immutable, returns text: index i needs it.',
    ],
  ]
  test.each(refused)('%s: asked for before anything changes', async (_, feature, make, alter, detail) => {
    await remove(feature, make)
    await asOwner(database(), alter)
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
    expect(error.detail?.replaceAll('public.', '').split('\n')).toContain(detail)
    expect(error.hint).toContain('Alter it back')
  })

  test('a wider type under a view is told of', async () => {
    await remove(viewed, 'create view v as select n, note from members')
    await asOwner(database(), 'alter table members alter n type bigint')
    const { outcome, warnings } = await restoreFeature(database().db, viewed)
    expect(outcome).toBe('restored')
    const told =
      'column n of table public.members is bigint, and was integer: view public.v needs it, and cannot be created again'
    expect(warnings).toContainEqual(expect.stringContaining(told))
  })

  test('where the view cannot be created again, the restore is taken back', async () => {
    await remove(viewed, 'create view v as select chr(n) as c, note from members')
    await asOwner(database(), 'alter table members alter n type bigint')
    const error = await refusal('statement_failed', restoreFeature(database().db, viewed))
    expect(error.detail).toContain('function chr(bigint) does not exist')
    expect(await removeFeature(database().db, viewed)).toMatchObject({ outcome: 'already removed' })
    await asOwner(database(), 'alter table members alter n type int')
    expect(await restoreFeature(database().db, viewed)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test.each<[what: string, feature: FeatureDeclaration, make: string, alter: string]>([
    [
      'a column of an index that is wider',
      indexed,
      'create index i on members (note, n)',
      'alter table members alter n type bigint',
    ],
    ['the key of a parent', { ...base, tables: ['partners'] }, '', 'alter table orgs alter id type bigint'],
    [
      'the length of a column',
      viewed,
      'alter table members alter name type varchar(50); create view v as select upper(name) as n, note from members',
      'alter table members alter name type varchar(80)',
    ],
    [
      'labels that no definition speaks of, and new ones',
      viewed,
      `create view v as select note from members where mood = 'good'`,
      `alter type mood rename value 'bad' to 'worse'; alter type mood add value 'ugly' before 'good'`,
    ],
    [
      'the volatility of a function in a view',
      viewed,
      'create view v as select low(note) as low from members',
      'alter function low(text) stable',
    ],
  ])('what does not matter is let pass: %s', async (_, feature, make, alter) => {
    await remove(feature, make)
    await asOwner(database(), alter)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })
})
