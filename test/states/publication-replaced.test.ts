import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner, major } from '../support/round-trip.ts'
import { failAfter } from './broken.ts'

const database = useDatabase()

/** The tables that each publication names. */
const published = () =>
  database().query(
    `select p.pubname, g.prrelid::regclass::text as table from pg_publication_rel g join pg_publication p on p.oid = g.prpubid`,
  )

describe('a moved table', () => {
  const feature = { name: 'items', tables: ['item'] }
  const restore = () => restoreFeature(database().db, feature)
  const remove = async () => {
    await asOwner(database(), 'create table item (id int primary key); create table other (id int primary key)')
    await asOwner(database(), 'create publication partners for table item')
    await removeFeature(database().db, feature)
  }
  const RENAMED = 'alter publication partners rename to partners_eu; create publication partners for table other'

  test('does not enter another publication that has the name of the one that it was in', async () => {
    await remove()
    await asOwner(database(), RENAMED)
    const { detail, hint } = await refusedUnchanged(database(), 'not_restorable', restore)
    expect(detail).toBe(
      'publication partners, to which item comes back, is another one, and what it was is partners_eu by now.',
    )
    expect(hint).toContain('Give each publication its name back')
    await asOwner(database(), 'drop publication partners; alter publication partners_eu rename to partners')
    expect(await restore()).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await published()).toEqual([{ pubname: 'partners', table: 'item' }])
  })

  test.each([
    ['has gone', 'drop publication partners', 'create publication partners', 'does not exist'],
    [
      'is another one',
      RENAMED,
      'drop publication partners; alter publication partners_eu rename to partners',
      'and what it was is partners_eu by now',
    ],
  ])('is asked for again by a restore that goes on: it %s', async (_, change, back, says) => {
    await remove()
    await expect(restoreFeature(database().db, feature, failAfter('add'))).rejects.toThrow('of the caller')
    await asOwner(database(), change)
    const { detail, hint } = await refusedUnchanged(database(), 'not_restorable', restore)
    expect(detail).toContain(says)
    expect(hint).toMatch(/^It is as far restored as before\./)
    await asOwner(database(), back)
    expect(await restore()).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await published()).toEqual([{ pubname: 'partners', table: 'item' }])
  })

  test('enters one that was made anew', async () => {
    await remove()
    await asOwner(database(), 'drop publication partners; create publication partners')
    expect(await restore()).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await published()).toEqual([{ pubname: 'partners', table: 'item' }])
  })

  test.each([
    ['in a database that came from a dump', `plan = plan || '{"ledger": "1"}'`],
    ['after pg_upgrade', `server_version = '13.0'`],
    ['of a ledger that does not know them', `plan = plan #- '{publications,0,oid}'`],
  ])('is not told so by identifiers %s', async (_, recorded) => {
    await remove()
    await asOwner(database(), RENAMED)
    await database().query(`update unship.runs set ${recorded}`)
    const { outcome, warnings } = await restore()
    expect([outcome, warnings.filter((warning) => warning.startsWith('publication'))]).toEqual(['restored', []])
  })
})

// PostgreSQL 14, which knows no column lists, refuses published host tables
describe.runIf(major() >= 15)('a host table', () => {
  test('is told to be in another publication that has the name of the one that it was in', async () => {
    const feature = { name: 'salaries', columns: { staff: ['salary'] } }
    await asOwner(
      database(),
      'create table staff (id int primary key, salary int); create publication partners for table staff',
    )
    await removeFeature(database().db, feature)
    await asOwner(
      database(),
      'alter publication partners rename to partners_eu; create publication partners for table staff',
    )
    const { outcome, warnings } = await restoreFeature(database().db, feature)
    expect([outcome, warnings]).toEqual([
      'restored',
      [
        'publication partners has taken in staff since the removal: its subscribers must have salary before these columns appear',
      ],
    ])
  })
})
