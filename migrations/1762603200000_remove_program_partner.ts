import type { Kysely } from 'kysely'
import { consoleProgress, defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import type { DatabaseWithProgramPartner, DatabaseWithoutProgramPartner } from '../src/database/index.ts'

/**
 * Removes program partners from contacts; `down` puts them back.
 * See the plan in this pull request for the SQL and locks.
 */
export const programPartner = defineFeature<DatabaseWithProgramPartner>()({
  name: 'program_partner',
  views: ['program_partner_audit_history', 'program_partner_compliance'],
  functions: ['add_program_partner_status', 'remove_program_partner_status', 'update_payment_method'],
  tables: ['program_partner_audit_log', 'legacy_program_partner_corrections'],
  columns: {
    contacts: [
      'is_expected_program_partner',
      'payment_method',
      'payment_method_notes',
      'last_payment_date',
      'partner_status_notes',
    ],
    subscriptions: ['payment_method', 'payment_notes'],
  },
  counts: {
    partners: { contacts: ['is_expected_program_partner'] },
    'audit entries': 'program_partner_audit_log',
    'payment data': { contacts: ['payment_method', 'payment_method_notes', 'last_payment_date'] },
    corrections: 'legacy_program_partner_corrections',
    'subscription payments': { subscriptions: ['payment_method', 'payment_notes'] },
  },
})

export const up = (db: Kysely<DatabaseWithProgramPartner>) =>
  removeFeature(db, programPartner, { onProgress: consoleProgress() })

export const down = (db: Kysely<DatabaseWithoutProgramPartner>) =>
  restoreFeature(db, programPartner, { onProgress: consoleProgress() })
