/** The demo's interfaces before and after the removal, the second derived from the first. */
import type { Kysely } from 'kysely'
import type { DatabaseWithProgramPartner, DatabaseWithoutProgramPartner } from '../../src/database/index.ts'

declare const before: Kysely<DatabaseWithProgramPartner>
declare const after: Kysely<DatabaseWithoutProgramPartner>

export const possible = [
  before.selectFrom('contacts').select(['id', 'payment_method']).where('is_expected_program_partner', '=', true),
  before.selectFrom('program_partner_compliance').select('undocumented_subscriptions'),
  after.selectFrom('contacts').select(['id', 'email', 'updated_at']),
  after.selectFrom('contact_directory').selectAll(),
  after.selectFrom('backup_program_partner_contacts').select(['id', 'payment_method', 'backed_up_at']),
  after.selectFrom('backup_program_partner_subscriptions').select(['id', 'payment_notes', 'backed_up_at']),
  after.selectFrom('backup_program_partner_audit_log').select(['id', 'changed_by']),
  after.selectFrom('backup_legacy_program_partner_corrections').select(['id', 'is_corrected']),
]

export async function partners(): Promise<{ id: string; is_expected_program_partner: boolean; backed_up_at: Date }[]> {
  return after
    .selectFrom('backup_program_partner_contacts')
    .select(['id', 'is_expected_program_partner', 'backed_up_at'])
    .execute()
}

export const impossible = [
  // @ts-expect-error no flag any more
  after.selectFrom('contacts').select('is_expected_program_partner'),

  // @ts-expect-error no payment method on subscriptions either
  after.selectFrom('subscriptions').select('payment_method'),

  // @ts-expect-error the audit log is a backup now
  after.selectFrom('program_partner_audit_log').selectAll(),

  // @ts-expect-error a view of the feature
  after.selectFrom('program_partner_compliance').selectAll(),

  // @ts-expect-error a backup holds the key and the removed columns, nothing else
  after.selectFrom('backup_program_partner_contacts').select('email'),

  // @ts-expect-error a backup is read, not written
  after.updateTable('backup_program_partner_contacts').set('payment_method', 'cash'),

  // @ts-expect-error before the removal there is no backup
  before.selectFrom('backup_program_partner_contacts').selectAll(),
]
