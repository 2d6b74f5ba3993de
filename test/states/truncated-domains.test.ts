import { expect, test, describe } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

describe('a key whose domain takes no NULL', () => {
  const database = useDatabase()
  test.each(['not null', 'check (value is not null)', 'check (coalesce(value, 0) > 0)'])(
    'TRUNCATE goes its way while the table is watched: %s',
    async (constraint) => {
      await asOwner(
        database(),
        `create domain digits as int; create domain number as digits ${constraint};
         create table contacts (id number primary key, name text, pay text);
         insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n`,
      )
      const app = await database().connect('crm_owner')
      const report = await actingBefore(
        database(),
        `'phase verify'`,
        () => app.query('truncate contacts'),
        (db) => removeFeature(db, { name: 'pay', columns: { contacts: ['pay'] } }),
      )
      expect(report.outcome).toBe('removed')
      expect(await database().query('select * from backup_pay_contacts')).toEqual([])
    },
  )
})
