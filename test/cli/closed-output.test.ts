import { expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { readTraces } from '../support/refusal.ts'

const database = useDatabase({ template: 'demo' })

test('kysely migrate:latest goes on where its output is not read to the end, as by | head', async () => {
  const settings = { DATABASE_URL: database().ownerUrl }
  const ended = await kysely('migrate:latest', settings, {
    onStart: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
  })
  expect(ended.output).not.toContain('EPIPE')
  expect(ended.code).toBe(0)
  expect((await readTraces(database())).runs).toEqual(['removal: done'])
  expect((await removeFeature(database().db, programPartner)).outcome).toBe('already removed')
}, 60_000)
