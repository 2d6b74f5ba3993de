import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { roundTrip } from './support.ts'

describe('extended statistics over removed columns', () => {
  const database = useDatabase()

  test('of each kind, over expressions, in another schema, with targets, comments, and kept columns', async () => {
    await roundTrip(database(), {
      setup: `
        create schema stats;
        create table t (id int primary key, kept int, a int, b int, c text);
        insert into t select g, g, g, g % 5, 'c' || g % 3 from generate_series(1, 100) g;
        create statistics ab on a, b from t;
        create statistics stats.ab_ndistinct (ndistinct) on a, b from t;
        create statistics with_kept (dependencies, mcv) on kept, a, c from t;
        create statistics "Expr.Stats" on lower(c), (a + kept) from t;
        create statistics single_expr on (b % 3) from t;
        create statistics only_kept on id, kept from t;
        alter statistics with_kept set statistics 77;
        comment on statistics ab is 'a and b';
        analyze t;`,
      feature: { name: 'f', columns: { t: ['a', 'b', 'c'] } },
      away: async () => {
        expect(await database().query(`select stxname from pg_statistic_ext`)).toEqual([{ stxname: 'only_kept' }])
      },
    })
  })
})
