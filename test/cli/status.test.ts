import { abortRemoval, readStatus, removeFeature, restoreFeature } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { failAfter, killedAt } from '../states/broken.ts'
import { statusAsText } from '../../src/cli/render/status.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'
import { json, unship, unshipAtOnce } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })
const status = async () => (await readStatus(database().db, [programPartner]))[0]

describe('readStatus', () => {
  test('is truthful in the midst of a removal, for whoever looks from another connection', async () => {
    const seen: unknown[] = []
    await removeFeature(database().db, programPartner, {
      onProgress: (event) => {
        if (event.type !== 'phase started' || !['copy', 'record'].includes(event.phase)) return
        const [feature] = json(unshipAtOnce(['status', '--json'], settings()))
        seen.push({ phase: event.phase, state: feature.state, active: feature.active })
      },
    })
    expect(seen).toEqual([
      { phase: 'copy', state: 'removing', active: true },
      { phase: 'record', state: 'removing', active: true },
    ])
  })

  test('tells each state, by whom and why, and what is kept', async () => {
    expect(await status()).toMatchObject({
      state: 'installed',
      run: null,
      kept: [],
      present: { found: 14, declared: 14 },
    })
    await removeFeature(database().db, programPartner, { actor: 'ada', reason: 'moves to members' })
    expect(await status()).toMatchObject({
      state: 'removed',
      phase: null,
      active: null,
      present: { found: 0 },
      run: { id: '1', direction: 'removal', actor: 'ada', reason: 'moves to members', role: 'crm_owner' },
      kept: [
        { table: 'backup_program_partner_contacts', kind: 'backup', rows: 41, needed: true },
        { table: 'backup_program_partner_subscriptions', rows: 0 },
        { table: 'backup_program_partner_audit_log', rows: 3 },
        { table: 'backup_legacy_program_partner_corrections', rows: 0 },
      ],
    })
    await restoreFeature(database().db, programPartner)
    const restored = await status()
    expect(restored).toMatchObject({ state: 'restored', present: { found: 14 } })
    expect(restored?.kept).toEqual([
      expect.objectContaining({
        kind: 'retired',
        needed: false,
        keepUntil: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      }),
      expect.objectContaining({ kind: 'retired', needed: false }),
    ])
  })

  test('knows a run that broke off from one that runs', async () => {
    const call = removeFeature(database().db, programPartner, killedAt(database(), ['phase started', 'copy']))
    await refusal('server_unreachable', call)
    expect(await status()).toMatchObject({ state: 'removing', active: false, present: { found: 14 } })
  })
})

describe('unship status', () => {
  test('tells a person', async () => {
    expect((await unship(['status'], settings())).out).toBe('program_partner: installed\n')
    await removeFeature(database().db, programPartner, { actor: 'ada', reason: 'moves to members' })
    const { code, out } = await unship(['status'], settings())
    expect(code).toBe(0)
    expect(out).toMatch(/^program_partner: removed since 20.. ?\d*-.* UTC$/m)
    expect(out).toMatch(/run 1 by ada \(role crm_owner\)/)
    expect(out).toContain('why: moves to members')
    expect(out).toMatch(/backup_program_partner_contacts +backup +41 +\d+ KiB/)
    for (const migration of ['1762603200000_remove_program_partner', 'remove_program_partner'])
      expect(await unship(['status', migration], settings())).toMatchObject({ code: 0, out })
    expect(await unship(['status', 'nothing'], settings())).toMatchObject({ code: 2, out: '' })
  })

  test('fits a narrow terminal, a reason of many lines on one', async () => {
    await removeFeature(database().db, programPartner, { reason: 'first line\n\nsecond line' })
    const style = { bold: (text: string) => text, dim: (text: string) => text }
    const statuses = await readStatus(database().db)
    const lines = statusAsText(statuses, { ...style, columns: 100 }).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100)
    expect(lines).toContain('  why: first line second line')
    expect(statusAsText(statuses, { ...style, columns: null })).toContain('partner_status_notes of contacts')
  })

  test('lists rows that a restore set aside before it was taken back, and what the backup has now', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`delete from contacts where email = 'contact79@example.org'`)
    const broken = restoreFeature(database().db, programPartner, killedAt(database(), ['phase started', 'reveal']))
    await refusal('server_unreachable', broken)
    await removeFeature(database().db, programPartner)
    const [status] = await readStatus(database().db)
    const kept = status?.kept.filter(({ table }) => table.includes('audit_log')).map(({ kind, rows }) => [kind, rows])
    expect(kept).toEqual([
      ['backup', 2],
      ['set aside', 1],
    ])
  })

  test('says so where the role may not read the ledger', async () => {
    await removeFeature(database().db, programPartner)
    const asApp = { DATABASE_URL: database().ownerUrl.replaceAll('crm_owner', 'crm_app') }
    const { code, err } = await unship(['status'], asApp)
    expect(code).toBe(1)
    expect(err).toMatch(/role crm_app may not read the ledger/)
  })
})

describe('unship abort', () => {
  test('takes back a removal that broke off, and tells what it did', async () => {
    const before = await readState(database(), { dump: false })
    const call = removeFeature(database().db, programPartner, killedAt(database(), ['phase started', 'verify']))
    await refusal('server_unreachable', call)
    expect((await unship(['status'], settings())).out).toMatch(
      /the removal broke off in phase "(copy|verify)"; the feature works on, untouched: run kysely migrate:latest again to finish it, or unship abort to take it back/,
    )
    for (const words of [['plan'], ['plan', '--down'], ['notice']])
      expect(await unship(words, settings())).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^ERROR: {2}the removal of feature program_partner has not finished\n/),
      })
    const { code, out } = await unship(['abort', '--json'], settings())
    expect(code).toBe(0)
    expect(json({ code, out, err: '' })).toMatchObject({ direction: 'abort', outcome: 'taken back' })
    expect(await readState(database(), { dump: false })).toEqual(before)
    const again = await unship(['abort'], settings())
    expect(again).toMatchObject({ code: 1, out: '' })
    expect(again.err).toMatch(/^ERROR: {2}no removal or restore is unfinished\nDETAIL: /)
  })

  test('restores one that broke off after its cut-over, for a person to read', async () => {
    const before = await readState(database(), { dump: false })
    const call = removeFeature(database().db, programPartner, killedAt(database(), ['phase started', 'record']))
    await refusal('server_unreachable', call)
    if ((await status())?.state === 'removed') return // it was too quick for its killer
    const { code, out } = await unship(['abort', 'program_partner'], settings())
    expect(code).toBe(0)
    expect(out).toContain('Restored program_partner in')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('goes on with its restore where that broke off', async () => {
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, programPartner, failAfter('cut over')).catch(() => undefined)
    await abortRemoval(database().db, programPartner, failAfter('fill')).catch(() => undefined)
    expect(await status()).toMatchObject({ state: 'restoring', abortable: true })
    expect((await unship(['verify'], settings())).out).toContain('unship abort goes on with it')
    expect(await unship(['abort'], settings())).toMatchObject({
      code: 0,
      out: expect.stringContaining('Restored program_partner in') as string,
    })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('takes back a restore that broke off, which abortRemoval does not', async () => {
    await removeFeature(database().db, programPartner)
    await restoreFeature(database().db, programPartner, failAfter('fill')).catch(() => undefined)
    const error = await refusal('nothing_to_abort', abortRemoval(database().db, programPartner))
    expect(error.hint).toContain('abortRestore takes it back')
    const { code, out } = await unship(['abort'], settings())
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringContaining('Taking back the restore of') as string,
    })
    expect(out).toMatch(/Took back the restore of program_partner in .*\n.*broken off in the phase: fill\n.*were held/)
    expect(await status()).toMatchObject({ state: 'removed', present: { found: 0 } })
  })

  test('cannot take back a restore that broke off after its reveal, and says how it ends', async () => {
    await removeFeature(database().db, programPartner)
    await restoreFeature(database().db, programPartner, failAfter('reveal')).catch(() => undefined)
    const wayOn = /the feature is back: run kysely migrate:down again to finish it$/m
    expect((await unship(['status'], settings())).out).toMatch(wayOn)
    expect((await unship(['verify'], settings())).out).not.toContain('to take it back')
    const { code, err } = await unship(['abort'], settings())
    expect(code).toBe(1)
    expect(err).toMatch(/^ERROR: {2}the restore of feature program_partner cannot be taken back any more\n/)
    expect(err).toContain('HINT:  Run kysely migrate:down')
  })

  test('does not meddle with a removal that runs', async () => {
    const holder = await database().connect()
    await holder.query('begin; select count(*) from contacts')
    const removal = removeFeature(database().db, programPartner)
    await expect.poll(async () => (await status())?.active).toBe(true)
    const { code, err } = await unship(['abort'], settings())
    expect(code).toBe(1)
    expect(err).toContain('another session is removing feature program_partner')
    await holder.query('rollback')
    expect(await removal).toMatchObject({ outcome: 'removed' })
  })
})
