import type { Generated, Selectable } from 'kysely'
import type { DatabaseWithoutProgramPartner, PaymentMethod } from '../../src/database/index.ts'

/** The demo CRM after the removal, with the members module. */
export interface DatabaseWithMembers extends DatabaseWithoutProgramPartner {
  members: MembersTable
}

export interface MembersTable {
  id: Generated<string>
  contact_id: string
  member_type: MemberType
  payment_method: PaymentMethod | null
  payment_method_notes: string | null
  last_payment_date: Date | null
  status: Generated<'active' | 'paused' | 'ended'>
  status_notes: string | null
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

/** A contact that paid without being flagged as a partner comes over as an individual. */
export type MemberType = 'program_partner' | 'individual'

export type Member = Selectable<MembersTable>
