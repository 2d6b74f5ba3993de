import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type Feature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('rows of a host table whose restored reference loses its parent right before the reveal', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] } }

  async function restoringWhileParentGoes(contacts: string, more = '', of: Feature = feature) {
    await asOwner(
      database(),
      `create table partners (id int primary key); insert into partners select generate_series(1, 50);
       ${contacts};
       insert into contacts (id, name, pay) select n, 'n' || n, n from generate_series(1, 50) n;
       create table cards (id int primary key references contacts on delete cascade); insert into cards values (1);
       ${more}`,
    )
    await removeFeature(database().db, of)
    return await actingBefore(
      database(),
      `'revealed'`,
      () => asOwner(database(), 'delete from partners where id = 1'),
      (db) => restoreFeature(db, of),
    )
  }

  const PLAIN = 'create table contacts (id int primary key, name text, pay int references partners)'
  const touching = `create function touch() returns trigger language plpgsql as $$ begin new.name := 'touched'; return new; end $$;
    create trigger touch before update on contacts for each row execute function touch()`

  test.each([
    ['on delete cascade', `${PLAIN.slice(0, -1)} on delete cascade)`, ''],
    ['with a trigger', PLAIN, touching],
    [
      'in partitions',
      `${PLAIN} partition by range (id); create table low partition of contacts for values from (0) to (9);
       create table high partition of contacts default`,
      touching,
    ],
  ])('lose it and nothing else, and what it was is kept: %s', async (_, contacts, more) => {
    const { outcome, warnings, setAside } = await restoringWhileParentGoes(contacts, more)
    expect({ outcome, warnings }).toEqual({ outcome: 'restored', warnings: [] })
    expect(setAside).toMatchObject([{ table: 'contacts', rows: 1 }])
    expect(await database().query('select * from contacts where pay is distinct from id')).toEqual([
      { id: 1, name: 'n1', pay: null },
    ])
    expect(await database().query('select count(*)::int as rows from cards')).toEqual([{ rows: 1 }])
    expect(await database().query(`select * from ${setAside[0]?.kept ?? ''}`)).toEqual([
      {
        id: 1,
        pay: 1,
        unship_reason: expect.stringContaining('contacts_pay_fkey refers to rows of partners') as string,
      },
    ])
  })

  test('are told of where they may not be without it', async () => {
    const checked = `${PLAIN.slice(0, -1)} constraint given check (id > 1 or pay is not null))`
    const checking = { ...feature, constraints: { contacts: ['given'] } }
    const { detail } = await refusal('rows_in_the_way', restoringWhileParentGoes(checked, '', checking))
    expect(detail).toContain('given')
  })
})
