import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { planRemoval, removeFeature, type Phase } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { featureLockKey } from '../../src/run/session.ts'
import { killedAt } from '../states/broken.ts'
import { connectAs } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { json, project, unship } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })

/** The plan that was reviewed, in a file; then the removal, of which the session is ended when a phase is done. */
async function brokenOff(phase: Phase): Promise<string> {
  const plan = join(await project({}), 'program_partner.md')
  await writeFile(plan, (await unship(['plan', '--format', 'markdown'], settings())).out)
  const removing = removeFeature(database().db, programPartner, killedAt(database(), ['phase done', phase]))
  await expect(removing).rejects.toThrow()
  return plan
}

const check = (plan: string, ...more: string[]) =>
  unship(['plan', 'program_partner', '--check', plan, ...more], settings())

test.each<[Phase, string, string]>([
  ['watch', 'the database matches', 'takes that back and begins anew'],
  ['verify', 'the database matches', 'takes that back and begins anew'],
  ['cut over', 'program_partner is removed, by the plan in', 'finishes it'],
])(
  'the plan still matches after a deploy that broke off after its phase "%s"',
  async (phase, matches, again) => {
    const plan = await brokenOff(phase)
    const { code, out, err } = await check(plan)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain(matches)
    expect(out).toContain(again)
    // what was checked is what runs
    const { fingerprint } = json(await check(plan, '--json')) as { fingerprint: string }
    const second = await removeFeature(database().db, programPartner, { fingerprint })
    expect(second.outcome).toBe('removed')
  },
  60_000,
)

test('what has drifted since a deploy broke off is told', async () => {
  const plan = await brokenOff('copy')
  await database().query('create index drifted on contacts (partner_status_notes)')
  const { code, out } = await check(plan)
  expect(code).toBe(3)
  expect(out).toContain('+ index drifted')
  expect(out).not.toContain('migrate:latest')
}, 60_000)

test('somebody else’s table under the name of a backup is refused, also where a removal broke off', async () => {
  const plan = await brokenOff('copy')
  await database().query(`
    alter table backup_program_partner_contacts rename to looked_at;
    create table backup_program_partner_contacts (mine int)`)
  const { code, err } = await check(plan)
  expect(code).toBe(1)
  expect(err).toMatch(/^ERROR: {2}backup_program_partner_contacts, backup_program_partner_contacts_pkey already exists/)
  await expect(planRemoval(database().db, programPartner)).rejects.toMatchObject({ code: 'backup_exists' })
}, 60_000)

test('a removal that is under way is not planned', async () => {
  const plan = await brokenOff('copy')
  const session = await connectAs(database().ownerUrl)
  await session.query(`select pg_advisory_lock(${featureLockKey('program_partner')})`)
  const { code, err } = await check(plan)
  await session.end()
  expect(code).toBe(1)
  expect(err).toMatch(/^ERROR: {2}the removal of feature program_partner has not finished/)
}, 60_000)
