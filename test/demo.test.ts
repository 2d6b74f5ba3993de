import { describe, expect, test } from 'vitest'
import { compare, type Meanwhile } from '../demo/compare.ts'
import type { State } from '../demo/proof.ts'

const nothing: Meanwhile = { deleted: new Map(), inserted: new Map() }
const row = (id: string, name: string) => JSON.stringify({ id, name })

function state(change: Partial<State> = {}): State {
  return {
    definitions: { 'table public.contacts': { owner: 'crm_owner' }, 'index public.idx': { definition: 'on contacts' } },
    tables: new Map([
      [
        'contacts',
        new Map([
          ['1', row('1', 'Anna')],
          ['2', row('2', 'Ben')],
        ]),
      ],
    ]),
    sequences: new Map([['notes_id_seq', '7']]),
    ...change,
  }
}

const contacts = (...rows: [string, string][]) => new Map([['contacts', new Map(rows)]])
const differences = (after: State, meanwhile = nothing) => compare(state(), after, meanwhile).differences

describe("the demo's proof", () => {
  test('finds nothing where nothing differs', () => {
    expect(compare(state(), state(), nothing)).toEqual({
      definitions: 2,
      sequences: 1,
      tables: [{ table: 'contacts', before: 2, same: 2, deleted: 0, inserted: 0, now: 2 }],
      kept: [],
      differences: [],
    })
  })

  test('finds definitions that are missing, changed or new', () => {
    const definitions = { 'table public.contacts': { owner: 'crm_app' }, 'view public.v': {} }
    expect(differences(state({ definitions }))).toEqual([
      'table public.contacts: owner was "crm_owner", is "crm_app"',
      'index public.idx is missing',
      'view public.v was not there',
    ])
  })

  test('finds rows that are missing, changed or new', () => {
    expect(differences(state({ tables: contacts(['1', row('1', 'Eva')], ['3', row('3', 'Nora')]) }))).toEqual([
      'contacts, row 1: was {"id":"1","name":"Anna"}, is {"id":"1","name":"Eva"}',
      'contacts, row 2: is missing',
      'contacts, row 3: was not there',
    ])
    expect(differences(state({ tables: new Map() }))).toHaveLength(2)
  })

  test('finds a sequence that stands elsewhere', () => {
    expect(differences(state({ sequences: new Map([['notes_id_seq', '1']]) }))).toEqual([
      'sequence notes_id_seq stood at 7, now at 1',
    ])
  })

  test('accounts for what the application did, and demands it', () => {
    const meanwhile: Meanwhile = {
      deleted: new Map([['contacts', new Set(['2'])]]),
      inserted: new Map([['contacts', new Map([['3', { id: '3', name: 'Nora' }]])]]),
    }
    const done = state({ tables: contacts(['1', row('1', 'Anna')], ['3', row('3', 'Nora')]) })
    expect(compare(state(), done, meanwhile)).toMatchObject({
      tables: [{ before: 2, same: 1, deleted: 1, inserted: 1, now: 2 }],
      differences: [],
    })
    expect(differences(state(), meanwhile)).toEqual([
      'contacts, row 2: was deleted, and is there again',
      'contacts, row 3: came in meanwhile, and is missing',
    ])
    expect(differences(state({ tables: contacts(['1', row('1', 'Anna')], ['3', row('3', '')]) }), meanwhile)).toEqual([
      'contacts, row 3: should be {"id":"3","name":"Nora"}, is {"id":"3","name":""}',
    ])
  })

  test('lets backups stand beside, and nothing else', () => {
    const definitions = {
      ...state().definitions,
      'table public.backup_contacts': {},
      'column public.backup_contacts.id': {},
      'index public.other_name': { definition: 'CREATE INDEX other_name ON public.backup_contacts (id)' },
      'type public.kysely_migration': {},
    }
    const tables = new Map([...state().tables, ['backup_contacts', new Map<string, string>()]])
    expect(compare(state(), state({ definitions, tables }), nothing)).toMatchObject({
      kept: ['backup_contacts'],
      differences: [],
    })
    expect(
      differences(state({ tables: new Map([...state().tables, ['unship_hidden', new Map<string, string>()]]) })),
    ).toEqual(['table unship_hidden was not there'])
  })
})
