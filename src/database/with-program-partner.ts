import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

/**
 * The demo CRM with its program partner feature, as `demo/schema.sql` creates it.
 */
export interface DatabaseWithProgramPartner {
  organisations: OrganisationsTable
  contacts: ContactsTable
  subscriptions: SubscriptionsTable
  notes: NotesTable
  contact_directory: ContactDirectoryView

  program_partner_audit_log: ProgramPartnerAuditLogTable
  legacy_program_partner_corrections: LegacyProgramPartnerCorrectionsTable
  program_partner_audit_history: ProgramPartnerAuditHistoryView
  program_partner_compliance: ProgramPartnerComplianceView
}

export interface OrganisationsTable {
  id: Generated<string>
  name: string
  country_code: string
  created_at: Timestamp
}

export interface ContactsTable {
  id: Generated<string>
  organisation_id: string | null
  first_name: string
  last_name: string
  email: string
  phone: string | null
  status: Generated<'lead' | 'active' | 'archived'>
  created_at: Timestamp
  updated_at: Timestamp

  is_expected_program_partner: Generated<boolean>
  payment_method: PaymentMethod | null
  payment_method_notes: string | null
  last_payment_date: ColumnType<Date | null, Date | string | null | undefined>
  partner_status_notes: string | null
}

export interface SubscriptionsTable {
  id: Generated<string>
  contact_id: string
  plan: 'basic' | 'plus' | 'patron'
  status: Generated<string>
  /** numeric(10, 2), which pg returns as text. */
  monthly_amount: ColumnType<string, string | number>
  started_on: ColumnType<Date, Date | string>
  ended_on: ColumnType<Date | null, Date | string | null | undefined>
  created_at: Timestamp
  updated_at: Timestamp

  payment_method: string | null
  payment_notes: string | null
}

export interface NotesTable {
  /** bigint, which pg returns as text. */
  id: GeneratedAlways<string>
  contact_id: string
  author: Generated<string>
  body: string
  created_at: Timestamp
}

export interface ProgramPartnerAuditLogTable {
  id: GeneratedAlways<string>
  contact_id: string
  action: AuditAction
  old_value: string | null
  new_value: string | null
  notes: string | null
  changed_by: Generated<string>
  changed_at: Timestamp
}

export interface LegacyProgramPartnerCorrectionsTable {
  id: Generated<number>
  contact_id: string
  field_name: string
  legacy_value: string | null
  corrected_value: string | null
  is_corrected: Generated<boolean>
  corrected_at: ColumnType<Date | null, Date | string | null | undefined>
  created_at: Timestamp
}

export interface ContactDirectoryView {
  id: ReadOnly<string>
  first_name: ReadOnly<string>
  last_name: ReadOnly<string>
  email: ReadOnly<string>
  organisation_name: ReadOnly<string | null>
}

export interface ProgramPartnerAuditHistoryView {
  id: ReadOnly<string>
  contact_id: ReadOnly<string>
  contact_name: ReadOnly<string>
  action: ReadOnly<AuditAction>
  old_value: ReadOnly<string | null>
  new_value: ReadOnly<string | null>
  notes: ReadOnly<string | null>
  changed_by: ReadOnly<string>
  changed_at: ReadOnly<Date>
}

export interface ProgramPartnerComplianceView {
  contact_id: ReadOnly<string>
  contact_name: ReadOnly<string>
  email: ReadOnly<string>
  payment_method: ReadOnly<PaymentMethod | null>
  last_payment_date: ReadOnly<Date | null>
  partner_status_notes: ReadOnly<string | null>
  is_payment_documented: ReadOnly<boolean>
  undocumented_subscriptions: ReadOnly<string>
}

export type PaymentMethod = 'bank_transfer' | 'direct_debit' | 'card' | 'cash'
export type AuditAction = 'partner_added' | 'partner_removed' | 'payment_method_updated'

/** timestamptz not null default now() */
type Timestamp = ColumnType<Date, Date | string | undefined, Date | string>

/** A column that queries read and never write. */
export type ReadOnly<T> = ColumnType<T, never, never>
