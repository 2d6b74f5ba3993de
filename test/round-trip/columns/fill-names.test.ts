import { expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { roundTrip } from './support.ts'

const database = useDatabase()

test('a column with a declared fill whose name, or whose table’s, holds " on "', async () => {
  await roundTrip(database(), {
    setup: `
      create table t (id int primary key, kept int, "paid on date" date not null);
      insert into t values (1, 1, '2020-01-01');`,
    feature: { name: 'f', columns: { t: ['paid on date'] }, fill: { t: { 'paid on date': `date '2000-01-01'` } } },
    meanwhile: 'insert into t values (2, 2)',
  })
  expect(await database().query(`select id, "paid on date"::text as day from t order by id`)).toEqual([
    { id: 1, day: '2020-01-01' },
    { id: 2, day: '2000-01-01' },
  ])
})
