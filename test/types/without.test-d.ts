/** What an application still compiles against after a removal. */
import type { Kysely } from 'kysely'
import { defineFeature, type Without } from '../../src/feature.ts'
import type { Database } from './database.ts'

export const feature = defineFeature<Database>()({
  name: 'partner',
  tables: ['public.partner_log'],
  views: ['partner_history'],
  columns: { contacts: ['is_partner', 'payment_method'], 'crm.members': ['level'] },
})

declare const db: Kysely<Without<Database, typeof feature>>

export const kept = [
  db.selectFrom('contacts').select(['id', 'email']),
  db.selectFrom('subscriptions').select(['id', 'payment_notes']),
  db.selectFrom('crm.members').select(['id', 'since']),
  db.insertInto('contacts').values({ id: '1', email: 'a@example.org' }),
]

export const gone = [
  // @ts-expect-error a removed column is not read
  db.selectFrom('contacts').select('payment_method'),

  // @ts-expect-error nor compared
  db.selectFrom('contacts').selectAll().where('is_partner', '=', true),

  // @ts-expect-error nor written
  db.updateTable('contacts').set({ payment_method: 'cash' }),

  // @ts-expect-error a removed column of a table in another schema
  db.selectFrom('crm.members').select('level'),

  // @ts-expect-error a removed table
  db.selectFrom('partner_log').selectAll(),

  // @ts-expect-error a removed view
  db.selectFrom('partner_history').selectAll(),
]

// A table that loses nothing stays the very type it was.
export const unchanged: Database['subscriptions'] = {} as Without<Database, typeof feature>['subscriptions']

// Within a schema of its own.
export const members = defineFeature<Database>()({
  name: 'm',
  schema: 'crm',
  columns: { members: ['level'] },
  tables: ['public.partner_log'],
})
declare const withoutMembers: Without<Database, typeof members>
export const since: Date = withoutMembers['crm.members'].since

// @ts-expect-error removed, although declared without its schema
export const level: string = withoutMembers['crm.members'].level
