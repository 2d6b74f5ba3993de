import { describe, expect, test } from 'vitest'
import { archiveBackups, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('archived tables', () => {
  const database = useDatabase()
  const archived = async (sql: string, tables: readonly string[]) => {
    await asOwner(database(), sql)
    const before = await readState(database(), { dump: false })
    const feature = { name: 'f', tables }
    await removeFeature(database().db, feature)
    const names = (await archiveBackups(database().db, feature)).archived.map(({ archive }) => archive)
    return { before, feature, names }
  }
  const restored = async (sql: string, tables: readonly string[]) => {
    const { before, feature } = await archived(sql, tables)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
  }

  test.each([
    ['log', 'log_old'],
    ['log', 'log-old'],
    ['log-old', 'log'],
    ['log', 'log old'],
    ['preis', 'preisänderung'],
    ['log', 'the_backup_log'],
    ['log', "log's"],
    ['log', 'a"log'],
    ['log', 'a\\log'],
  ])('come back, whatever they are called: %s and %s', async (a, b) => {
    const [first, second] = [a, b].map((name) => `"${name.replaceAll('"', '""')}"`)
    await restored(
      `create table ${first} (id int primary key, self regclass default '${first?.replaceAll("'", "''")}'::regclass);
       create table ${second} (id serial primary key, other regclass default '${first?.replaceAll("'", "''")}'::regclass,
         self regclass default '${second?.replaceAll("'", "''")}'::regclass);
       create statistics s on id, other from ${second};
       insert into ${first} values (1, null); insert into ${second} values (2, null, null)`,
      [a, b].map((name) => (name.includes('"') ? `"${name.replaceAll('"', '""')}"` : name)),
    )
  })

  test('come back where a value in a definition is spelled as a backup is called', async () => {
    await restored(
      `create table log (id int primary key, backup_log int, source text default 'backup_log' check (source <> 'backup_log (old)'));
       insert into log values (1)`,
      ['log'],
    )
  })

  test('are still found altered, and said to be so under their own names', async () => {
    const { feature, names } = await archived(
      `create table log (id int primary key, source text default 'backup_log'); insert into log values (1)`,
      ['log'],
    )
    const [name = ''] = names
    await asOwner(database(), `alter table ${name} alter source set default 'another'`)
    const error = await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
    expect(error.detail).toBe(`column public.${name}.source: default was 'backup_log'::text, and is 'another'::text.`)
  })
})
