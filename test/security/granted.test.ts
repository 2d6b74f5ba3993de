import { expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const partners = defineFeature()({ name: 'partners', tables: ['partners'] })

/** What crm_reporting may do with the table, its column and its sequence. */
const privileges = (prefix = '') =>
  database().query(
    `select has_table_privilege('crm_reporting', '${prefix}partners', 'select') as "table",
      has_column_privilege('crm_reporting', '${prefix}partners', 'label', 'update') as "column",
      has_sequence_privilege('crm_reporting', '${prefix}partners_id_seq', 'usage') as "sequence"`,
  )

test.each([
  ['nothing', 'select'],
  ['something else', 'grant insert on partners to crm_reporting; grant select on sequence partners_id_seq to crm_app'],
])('what somebody was granted on a backup is not granted on the table: where there was %s', async (_, grant) => {
  await asOwner(database(), `create table partners (id serial primary key, label text); ${grant}`)
  await removeFeature(database().db, partners)
  await asOwner(
    database(),
    `grant select, update (label) on backup_partners to crm_reporting;
    grant usage on sequence backup_partners_id_seq to crm_reporting`,
  )
  expect(await privileges('backup_')).toEqual([{ table: true, column: true, sequence: true }])
  expect(await restoreFeature(database().db, partners)).toMatchObject({ outcome: 'restored', warnings: [] })
  expect(await privileges()).toEqual([{ table: false, column: false, sequence: false }])
})
