import { describe, expect, test } from 'vitest'
import { removeFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner, expectRefusal } from '../support/round-trip.ts'

describe('triggers that stay and whose text names what goes', () => {
  const database = useDatabase()
  const noted = { columns: { contact: ['note'] } }

  const cases: [what: string, table: string, body: string, feature: Omit<FeatureDeclaration, 'name'>, names: string][] =
    [
      [
        'a table that goes, of a table that is no host',
        'other',
        'insert into log values (new.id)',
        { tables: ['log'] },
        'log',
      ],
      [
        'a column that goes, of a table that is no host',
        'other',
        'update contact set note = null where id = new.id',
        noted,
        'note',
      ],
      ['a column, in capitals', 'contact', `NEW.NOTE := 'x'`, noted, 'note'],
      ['a table, in capitals', 'contact', 'INSERT INTO LOG VALUES (NEW.ID)', { ...noted, tables: ['log'] }, 'log'],
      ['a function', 'contact', 'new.a := helper(1)', { ...noted, functions: ['helper'] }, 'helper'],
      ['a type', 'contact', `new.a := length('a'::mood::text)`, { ...noted, types: ['mood'] }, 'mood'],
      ['a sequence', 'contact', `new.a := nextval('ticket')`, { ...noted, sequences: ['ticket'] }, 'ticket'],
      [
        'a column of another host',
        'contact',
        'update log set text = null where id = new.id',
        { columns: { contact: ['note'], log: ['text'] } },
        'text',
      ],
    ]

  test.each(cases)('%s', async (_, table, body, declared, name) => {
    await asOwner(
      database(),
      `create table contact (id int primary key, note text, a int); create table log (id int primary key, text text);
       create table other (id int primary key); create type mood as enum ('a'); create sequence ticket;
       create function helper(int) returns int language sql as 'select $1';
       create function acts() returns trigger language plpgsql as $$ begin ${body}; return new; end $$;
       create trigger acts before insert on ${table} for each row execute function acts()`,
    )
    const feature: FeatureDeclaration = { name: 'f', ...declared }
    const error = await expectRefusal(database(), feature)
    expect({ code: error.code, detail: error.detail }).toEqual({
      code: 'kept_trigger',
      detail: expect.stringContaining(
        `trigger acts on ${table} would fail: function public.acts() mentions ${name}`,
      ) as string,
    })
    const accepted = await removeFeature(database().db, {
      ...feature,
      acknowledge: { triggers: { [table]: ['acts'] } },
    })
    expect(accepted.outcome).toBe('removed')
  })
})
