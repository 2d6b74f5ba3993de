import { describe, expect, test } from 'vitest'
import { archiveBackups, checkHealth, readStatus, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const contacts = 'backup_program_partner_contacts'

describe('a backup that was made UNLOGGED', () => {
  const database = useDatabase({ template: 'demo' })
  const told = async () => {
    const checks = await checkHealth(database().db, [programPartner])
    const kept = (await readStatus(database().db)).flatMap((status) => status.kept)
    return {
      problems: checks.filter(({ result }) => result === 'problem').map(({ check, found }) => [check, ...found]),
      unlogged: kept.filter(({ unlogged }) => unlogged).map(({ table }) => table),
    }
  }
  const problem = (table: string) => [
    'what is kept outlasts a crash',
    `${table} was made UNLOGGED, and would be empty after a crash: ALTER TABLE … SET LOGGED`,
  ]

  test('is told, as are its archive and what a restore has left', async () => {
    await removeFeature(database().db, programPartner)
    expect(await told()).toEqual({ problems: [], unlogged: [] })
    await asOwner(database(), `alter table ${contacts} set unlogged`)
    expect(await told()).toEqual({ problems: [problem(contacts)], unlogged: [contacts] })
    await archiveBackups(database().db, programPartner)
    const [archive = ''] = (await told()).unlogged
    expect(archive).toMatch(/^archive_program_partner_contacts_/)
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
    const { problems, unlogged } = await told()
    expect(unlogged).toEqual([expect.stringMatching(/program_partner_contacts/)])
    expect(problems).toEqual([problem(unlogged[0] ?? '')])
  })

  test('is not where it is a moved table that always was', async () => {
    await asOwner(database(), `alter table program_partner_audit_log set unlogged`)
    await removeFeature(database().db, programPartner)
    expect(await told()).toEqual({ problems: [], unlogged: [] })
  })
})
