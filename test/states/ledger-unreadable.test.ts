import { expect, test } from 'vitest'
import { removeFeature, type RunOptions } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { queryAtOnce } from '../support/at-once.ts'
import { useDatabase } from '../support/database.ts'
import { readTraces, refusal } from '../support/refusal.ts'

const database = useDatabase({ template: 'demo' })

/** Somebody takes the right to read the ledger away when a phase is done. */
const unreadableAfter = (phase: string): RunOptions => ({
  onProgress: (event) => {
    if (event.type === 'phase done' && event.phase === phase)
      queryAtOnce(database().url, 'revoke select on unship.runs from crm_owner')
  },
})

test.each([
  ['cut over', true],
  ['verify', false],
])(
  'a removal that cannot read the ledger after its phase "%s" does not say where the feature is',
  async (phase, gone) => {
    const error = await refusal('wrong_state', removeFeature(database().db, programPartner, unreadableAfter(phase)))
    expect(error.primary).toBe('the removal of feature program_partner broke off, and the ledger cannot be read')
    expect(error.message).not.toContain('untouched')
    expect(error.detail).toContain('Whether the feature is gone cannot be told')
    expect(error.hint).toContain('do not run migrate:down')
    const { tables } = await readTraces(database())
    expect(tables.includes('backup_program_partner_audit_log')).toBe(gone)
    await database().query('grant select on unship.runs to crm_owner')
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
  },
)
