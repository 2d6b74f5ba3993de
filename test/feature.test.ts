import { describe, expect, it } from 'vitest'
import { isUnshipError } from '../src/errors.ts'
import { defineFeature, isFeature } from '../src/feature.ts'

/** Declares as JavaScript would, without the compiler's checks. */
const define = defineFeature() as (declaration: unknown) => object

function refusalOf(declaration: unknown): { code: string; message: string } {
  try {
    define(declaration)
  } catch (error) {
    if (isUnshipError(error)) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('the declaration was not refused')
}

describe('defineFeature', () => {
  it('returns the declaration, frozen and branded', () => {
    const feature = define({ name: 'partner', tables: ['partner_log'] })

    expect(feature).toEqual({ name: 'partner', tables: ['partner_log'] })
    expect(Object.isFrozen(feature)).toBe(true)
    expect(isFeature(feature)).toBe(true)
    expect(JSON.stringify(feature)).toBe('{"name":"partner","tables":["partner_log"]}')
  })

  it('leaves the given object alone', () => {
    const declaration = { name: 'partner', tables: ['partner_log'] }
    define(declaration)

    expect(isFeature(declaration)).toBe(false)
    expect(Object.isFrozen(declaration)).toBe(false)
  })

  it.each([
    ['one index', { indexes: ['idx_partner'] }],
    ['one trigger of a kept table', { triggers: { contacts: ['contacts_sync'] } }],
    ['columns alone', { columns: { contacts: ['is_partner'] } }],
    ['a field without a value', { types: ['kind'], views: undefined }],
    ['overloads', { functions: ['f(uuid)', 'f(uuid, text)', 'f()', 'crm.f(uuid)'] }],
    ['tables of one name in two schemas', { tables: ['log', 'crm.log'] }],
    ['a name that holds a dot', { tables: ['"crm.log"', 'crm.log'] }],
    ['the same name for a column of two tables', { columns: { a: ['x'], b: ['x'] } }],
    ['counts', { tables: ['log'], counts: { entries: 'log', partners: { contacts: ['is_partner', 'paid_on'] } } }],
    ['a label without text', { tables: ['log'], counts: { '': 'log' } }],
    ['acknowledgements', { tables: ['log'], acknowledge: { rewrites: { contacts: ['c'] }, triggers: { a: ['t'] } } }],
    ['fill values', { columns: { contacts: ['since'] }, fill: { contacts: { since: 'created_at' } } }],
  ])('takes %s', (_, declaration) => {
    expect(isFeature(define({ name: 'partner', ...declaration }))).toBe(true)
  })

  it.each([
    ['an empty name', { name: ' ', tables: ['log'] }, '"name" is empty'],
    ['no name', { tables: ['log'] }, '"name" is not a string'],
    ['an empty schema', { schema: '', tables: ['log'] }, '"schema" is empty'],
    ['no objects', {}, 'feature "partner" declares no objects'],
    ['no objects but empty lists', { tables: [], columns: { contacts: [] } }, 'feature "partner" declares no objects'],
    ['nothing but counts', { counts: { entries: 'log' } }, 'feature "partner" declares no objects'],
    ['a field that does not exist', { tables: ['log'], view: ['v'] }, '"view" is not a field of a declaration'],
    ['a field of every object', { toString: ['log'] }, '"toString" is not a field of a declaration'],
    ['text instead of a list', { tables: 'log' }, '"tables" is not a list of names'],
    ['a list instead of tables', { columns: ['is_partner'] }, '"columns" is not an object with tables as keys'],
    ['an entry that is no string', { indexes: ['i', 7] }, '"indexes"[1] is not a string'],
    ['an entry that is empty', { views: [''] }, '"views"[0] is empty'],
    ['a NUL', { tables: ['lo\0g'] }, '"tables"[0] has a character that no text in PostgreSQL can have'],
    ['half a character', { columns: { ['a\ud800']: ['b'] } }, 'a table in "columns" has a character'],
    ['a label with a NUL', { tables: ['log'], counts: { 'a\0b': 'log' } }, 'a label in "counts" has a character'],
    ['half a character in a label', { tables: ['log'], counts: { 'a\ud800b': 'log' } }, 'a label in "counts" has a'],
    ['a filled column with a NUL', { tables: ['log'], fill: { a: { 'b\0': '1' } } }, 'a column in "fill" of "a" has a'],
    ['a name with a NUL', { name: 'f\0', tables: ['log'] }, '"name" has a character'],
    ['a column that is no string', { columns: { contacts: [null] } }, '"columns" of "contacts"[0] is not a string'],
    ['a table twice', { tables: ['log', 'log'] }, '"tables" lists "log" twice'],
    ['a table twice, spelt differently', { tables: ['log', 'public.log'] }, '"tables" lists "public.log" twice'],
    ['a host twice', { columns: { a: ['x'], 'public.a': ['y'] } }, '"columns" lists "public.a" twice'],
    ['a column twice', { columns: { contacts: ['x', 'y', 'x'] } }, '"columns" of "contacts" lists "x" twice'],
    [
      'a function twice',
      { functions: ['f(uuid,text)', 'f( uuid, text )'] },
      '"functions" lists "f( uuid, text )" twice',
    ],
    ['a table that is a view', { tables: ['log'], views: ['public.log'] }, '"public.log" is declared twice'],
    ['a table that stays', { tables: ['log'], columns: { log: ['x'] } }, '"log" is declared twice'],
    ['a count of nothing', { tables: ['log'], counts: { all: {} } }, 'does not name the columns of one host table'],
    ['a count of numbers', { tables: ['log'], counts: { all: 3 } }, '"counts", "all", is not an object'],
    ['an unknown acknowledgement', { tables: ['log'], acknowledge: { all: {} } }, '"all" is not a field'],
    ['a fill value that is no SQL', { tables: ['log'], fill: { a: { x: 0 } } }, 'column "x", is not a string'],
  ])('refuses %s', (_, declaration, message) => {
    const name = 'name' in declaration || message.startsWith('"name"') ? {} : { name: 'partner' }
    const refusal = refusalOf({ ...name, ...declaration })

    expect(refusal.code).toBe('invalid_declaration')
    expect(refusal.message).toContain(message)
  })

  it.each([[undefined], [null], ['partner'], [[]]])('refuses %j as a declaration', (declaration) => {
    expect(refusalOf(declaration).code).toBe('invalid_declaration')
  })

  it('says what a refused spelling means', () => {
    expect(refusalOf({ name: 'partner', schema: 'crm', views: ['crm.v', 'v'] }).message).toBe(
      [
        '"views" lists "v" twice',
        'DETAIL:  "crm.v" means the same.',
        'HINT:  Correct the declaration; nothing has been done with it.',
      ].join('\n'),
    )
  })
})

describe('isFeature', () => {
  it('knows the features of another copy of the package', () => {
    expect(isFeature({ name: 'partner', [Symbol.for('kysely-unship.feature')]: true })).toBe(true)
  })

  it.each([[null], [undefined], ['partner'], [{}], [{ name: 'partner', tables: ['log'] }]])(
    'is false for %j',
    (value) => {
      expect(isFeature(value)).toBe(false)
    },
  )

  it('is false for a copy, which nobody has checked', () => {
    expect(isFeature({ ...define({ name: 'partner', tables: ['log'] }) })).toBe(false)
  })
})
