import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('a row that comes to break a check of the feature right before the reveal', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] }, constraints: { contacts: ['differs'] } }

  test.each(['name <> pay', `name <> pay and extract(epoch from '01/02/2024'::date) > 0`])(
    'is told of before anything appears, and can be written: %s',
    async (check) => {
      const owner = (sql: string) => asOwner(database(), sql)
      await owner(
        `create table contacts (id int primary key, name text, visits int, pay text, constraint differs check (${check}));
         insert into contacts select n, 'n' || n, 0, 'pay ' || n from generate_series(1, 50) n`,
      )
      await removeFeature(database().db, feature)
      const restoring = actingBefore(
        database(),
        `'revealed'`,
        () => owner(`update contacts set name = 'pay 1' where id = 1`),
        (db) => restoreFeature(db, feature),
      )
      const { detail } = await refusal('rows_in_the_way', restoring)
      expect(detail).toBe(
        'check differs of contacts (name, pay) does not hold: rows were changed or inserted meanwhile.',
      )
      await owner(`update contacts set name = 'mended', visits = 1 where id = 1`)
      expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    },
  )
})
