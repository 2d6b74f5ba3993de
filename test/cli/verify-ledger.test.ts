import { describe, expect, test } from 'vitest'
import { archiveBackups, checkHealth, purgeKept, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const NO_SEAL = `update unship.runs set checksums = checksums - 'backup_program_partner_contacts'`

describe('verify, where the ledger has lost something', () => {
  const database = useDatabase({ template: 'demo' })
  const feature = programPartner
  const found = async (result: 'problem' | 'note') =>
    (await checkHealth(database().db, [feature]))
      .filter((c) => c.result === result)
      .map((c) => `${c.check}: ${c.found.join('; ')}`)

  test('tells that a statement of its restore was deleted', async () => {
    await removeFeature(database().db, feature)
    await database().query(
      'delete from unship.statements where position = (select max(position) from unship.statements)',
    )
    await refusal('wrong_state', restoreFeature(database().db, feature))
    expect(await found('problem')).toEqual([
      expect.stringMatching(/^a restore would find what it needs: the ledger's statements of run 1 are not what/),
    ])
  })

  test('tells that the plan was lost', async () => {
    await removeFeature(database().db, feature)
    await database().query('update unship.runs set plan = null')
    await refusal('wrong_state', restoreFeature(database().db, feature))
    expect(await found('problem')).toEqual([
      'the ledger has the plan of its removal: column plan of run 1 in unship.runs lacks everything: it was changed, and nothing else could be looked at. Bring that row back from a backup of the database.',
    ])
  })

  test('only notes that the plan was lost once nothing needs it', async () => {
    await removeFeature(database().db, feature)
    await restoreFeature(database().db, feature)
    await database().query(`update unship.runs set plan = null where direction = 'removal'`)
    expect(await found('problem')).toEqual([])
    expect(await found('note')).toEqual([
      expect.stringMatching(
        /^the ledger has the plan of its removal: column plan of run 1 in unship.runs lacks everything/,
      ),
    ])
  })

  test.each([
    ['as they were named', []],
    ['archived', [archiveBackups]],
  ])('tells that checksums were lost of backups, %s, and the restore refuses', async (_, keeping) => {
    await removeFeature(database().db, feature)
    for (const archive of keeping) await archive(database().db, feature)
    await database().query(NO_SEAL)
    const error = await refusal('backup_changed', restoreFeature(database().db, feature))
    expect(error.detail).toMatch(
      /^(backup|archive)_program_partner_contacts\w*: sealed by its removal, without a checksum now\.$/,
    )
    expect(await found('problem')).toEqual([
      expect.stringMatching(
        /^backups match their checksums: (backup|archive)_program_partner_contacts\w*: its checksum is gone from unship\.runs$/,
      ),
    ])
  })

  test('notes backups that earlier versions have not sealed', async () => {
    await removeFeature(database().db, feature)
    await database().query(`${NO_SEAL}, report = report - 'backups'`)
    expect(await found('problem')).toEqual([])
    expect(await found('note')).toEqual([
      'backups match their checksums: backup_program_partner_contacts: it was never sealed, so nothing tells whether it has changed',
    ])
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })

  test.each([
    ['the ledger', 'drop schema unship cascade'],
    ['its record', 'truncate unship.runs cascade'],
    ['the end of the removal', `update unship.runs set state = 'aborted'`],
  ])('tells that %s is gone, and the backups are not', async (_, sql) => {
    await removeFeature(database().db, feature)
    await database().query(sql)
    await refusal('wrong_state', restoreFeature(database().db, feature))
    expect(await found('problem')).toEqual([
      expect.stringMatching(
        /^the ledger knows what became of it: the ledger knows no removal of feature program_partner, but its backups are there; .*Table backup_program_partner_contacts exists\./,
      ),
    ])
  })

  test('alarms nobody where backups were purged, or where there was nothing to remove', async () => {
    await removeFeature(database().db, feature)
    await purgeKept(database().db, feature, { confirmed: true, forceDataLoss: true })
    expect(await found('problem')).toEqual([])
    await asOwner(database(), 'drop schema unship cascade')
    expect((await removeFeature(database().db, feature)).outcome).toBe('absent')
    expect(await found('problem')).toEqual([])
  })
})
