/**
 * What compiles as a declaration, and what does not. `tsc` is the test: an
 * expectation that no longer holds is a compile error.
 */
import { defineFeature, type Feature } from '../../src/feature.ts'
import type { Suggestion } from '../../src/errors.ts'
import type { Database } from './database.ts'

const define = defineFeature<Database>()

// --- what compiles -----------------------------------------------------------

export const complete = define({
  name: 'partner',
  tables: ['partner_log'],
  columns: { contacts: ['is_partner', 'payment_method'], subscriptions: ['payment_notes'], 'crm.members': ['level'] },
  views: ['partner_history', 'a_view_that_the_interface_leaves_out'],
  functions: ['f', 'crm.g', 'f()', 'f(uuid, text)', 'f(numeric(10, 2), text[])', 'f(timestamp(3) with time zone, int)'],
  indexes: ['idx_partner'],
  types: ['partner_kind'],
  sequences: ['partner_number'],
  statistics: ['partner_stats'],
  constraints: { contacts: ['contacts_partner_check'] },
  triggers: { contacts: ['contacts_partner_log'] },
  policies: { contacts: ['contacts_partner_read'] },
  rules: { subscriptions: ['subscriptions_rule'] },
  counts: { partners: { contacts: ['is_partner'] }, 'log entries': 'partner_log' },
  acknowledge: { rewrites: { contacts: ['is_partner'] }, triggers: { contacts: ['contacts_sync'] }, roles: ['reader'] },
  fill: { contacts: { is_partner: 'false' } },
})

define({ name: 'qualified', tables: ['public.partner_log'], columns: { 'public.contacts': ['is_partner'] } })
define({ name: 'of_schema', schema: 'crm', columns: { members: ['level'] } })
define({ name: 'of_schema', schema: 'crm', columns: { 'crm.members': ['level'] }, counts: { all: 'members' } })

defineFeature()({ name: 'untyped', tables: ['anything'], columns: { any_table: ['any_column'] } })
defineFeature<unknown>()({ name: 'untyped', views: ['v'], fill: { any_table: { any_column: 'now()' } } })

// Without an interface, names may be computed.
declare const computed: string
defineFeature()({
  name: computed,
  schema: computed,
  tables: [computed],
  columns: { [computed]: [computed] },
  triggers: { [computed]: [computed] },
  counts: { [computed]: computed, rows: { [computed]: [computed] } },
  acknowledge: { rewrites: { [computed]: [computed] }, triggers: { [computed]: [computed] } },
  fill: { [computed]: { [computed]: 'now()' } },
})

// Every feature is a Feature, and keeps the names it lists.
export const general: Feature = complete
export const tables: readonly ['partner_log'] = complete.tables
export const name: 'partner' = complete.name

// A refusal's suggestion merges into an untyped declaration.
declare const suggestion: Suggestion
defineFeature()({ ...complete, ...suggestion })

// --- what does not -----------------------------------------------------------

// @ts-expect-error a feature has a name
define({ tables: ['partner_log'] })

// @ts-expect-error a misspelt table
define({ name: 'partner', tables: ['partner_logs'] })

// @ts-expect-error a misspelt table beside a right one
define({ name: 'partner', tables: ['partner_log', 'partner_logs'] })

// @ts-expect-error a misspelt host table
define({ name: 'partner', columns: { contcts: ['is_partner'] } })

// @ts-expect-error a misspelt host table beside a right one
define({ name: 'partner', columns: { contacts: ['is_partner'], contcts: ['is_partner'] } })

// @ts-expect-error a computed table, of which the interface does not know whether it has it
define({ name: 'partner', columns: { [computed]: ['is_partner'] } })

// @ts-expect-error a misspelt column
define({ name: 'partner', columns: { contacts: ['is_partnr'] } })

// @ts-expect-error a column of another table
define({ name: 'partner', columns: { contacts: ['payment_notes'] } })

// @ts-expect-error a table of another schema, unqualified
define({ name: 'partner', columns: { members: ['level'] } })

// @ts-expect-error a schema that the table is not in
define({ name: 'partner', columns: { 'crm.contacts': ['is_partner'] } })

// @ts-expect-error an unknown field
define({ name: 'partner', tables: ['partner_log'], view: ['partner_history'] })

// @ts-expect-error an argument type is missing
define({ name: 'partner', functions: ['f(uuid, )'] })

// @ts-expect-error a parenthesis is missing
define({ name: 'partner', functions: ['f(uuid, text'] })

// @ts-expect-error a parenthesis is missing after a type's modifier
define({ name: 'partner', functions: ['f(numeric(10, 2, text)'] })

// @ts-expect-error one parenthesis too many
define({ name: 'partner', functions: ['f', 'g)'] })

// @ts-expect-error no name before the arguments
define({ name: 'partner', functions: ['(uuid)'] })

// @ts-expect-error names are strings
define({ name: 'partner', indexes: [1] })

// @ts-expect-error a trigger's table is misspelt
define({ name: 'partner', tables: ['partner_log'], triggers: { contcts: ['contacts_sync'] } })

// @ts-expect-error a policy's table is misspelt, beside a right one
define({ name: 'partner', policies: { contacts: ['p'], contcts: ['p'] } })

// @ts-expect-error a count of a misspelt table
define({ name: 'partner', tables: ['partner_log'], counts: { entries: 'partner_logs' } })

// @ts-expect-error a count of a misspelt column
define({ name: 'partner', tables: ['partner_log'], counts: { partners: { contacts: ['is_partnr'] } } })

// @ts-expect-error a count of columns of a misspelt table
define({ name: 'partner', tables: ['partner_log'], counts: { partners: { contcts: ['is_partner'] } } })

// @ts-expect-error a misspelt table in an acknowledgement
define({ name: 'partner', tables: ['partner_log'], acknowledge: { rewrites: { contcts: ['is_partner'] } } })

// @ts-expect-error an unknown acknowledgement
define({ name: 'partner', tables: ['partner_log'], acknowledge: { triggers: {}, everything: {} } })

// @ts-expect-error a fill value for a misspelt column
define({ name: 'partner', tables: ['partner_log'], fill: { contacts: { is_partnr: 'false' } } })

// @ts-expect-error a fill value for a computed column
define({ name: 'partner', tables: ['partner_log'], fill: { contacts: { [computed]: 'false' } } })

// @ts-expect-error a fill value that is not SQL text
define({ name: 'partner', tables: ['partner_log'], fill: { contacts: { is_partner: false } } })

// @ts-expect-error a table where names by table are asked for
define({ name: 'partner', columns: 'contacts' })

// @ts-expect-error the same of an acknowledgement
define({ name: 'partner', tables: ['partner_log'], acknowledge: { rewrites: 'contacts' } })
