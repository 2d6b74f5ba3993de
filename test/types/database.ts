/** An application's interface, for the compile-time tests. */
export interface Database {
  contacts: { id: string; email: string; is_partner: boolean; payment_method: string | null }
  subscriptions: { id: string; payment_notes: string | null }
  partner_log: { id: string; contact_id: string }
  partner_history: { id: string }
  'crm.members': { id: string; level: string; since: Date }
}
