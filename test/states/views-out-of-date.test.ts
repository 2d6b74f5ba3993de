import { describe, expect, it } from 'vitest'
import { abortRestore, removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { hasPsql, psql, script } from '../support/by-hand.ts'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

/** Its rows are of its last refresh; a restore can only run its query, over the rows of today. */
describe('a materialized view that could not be refreshed any more', () => {
  const roles = useRoles('reporter')
  const database = useDatabase()
  const host = 'create table host (id int primary key, kept text, gone int); insert into host values (1, 1, 1);'
  const feature = { name: 'f', columns: { host: ['gone'] }, views: ['report'] }

  /** The removal warns of it; the restore says of which view it fails, and for what. */
  const removeAndFail = async (declaration: FeatureDeclaration) => {
    const { warnings } = await removeFeature(database().db, declaration)
    expect(warnings).toContainEqual(
      expect.stringMatching(/^materialized view report .* REFRESH MATERIALIZED VIEW fails/),
    )
    const { message } = await refusal('rows_in_the_way', restoreFeature(database().db, declaration))
    expect(message).toMatch(/^materialized view report of feature f cannot be filled\n/)
    expect(message).not.toContain('secret')
    const [, run, position] = /unship\.statements, run_id (\d+), position (\d+)\./.exec(message) ?? []
    const [query] = await database().query('select sql from unship.statements where run_id = $1 and position = $2', [
      run,
      position,
    ])
    expect(query).toEqual({ sql: expect.stringMatching(/^create materialized view .* as\s+select /is) })
    return message
  }
  const comesBack = async (declaration: FeatureDeclaration) => {
    expect(await restoreFeature(database().db, declaration)).toMatchObject({ outcome: 'restored', warnings: [] })
  }

  const doubled = 'create unique index on report (kept); insert into host values (2, 1, 2)'
  const secret = `insert into host values (2, 'secret', 2)`

  it.each([
    ['its unique index', 'create materialized view report as select kept, gone from host', doubled, /key \(kept\)/],
    [
      'its query',
      'create materialized view report as select kept::int, gone from host',
      secret,
      /invalid input syntax/,
    ],
    [
      'its unique index, filled at the reveal',
      'create view v as select kept, gone from host; create materialized view report as select * from v',
      doubled,
      /key \(kept\)/,
    ],
    [
      'its query, filled at the reveal',
      'create view v as select kept::int, gone from host; create materialized view report as select * from v',
      secret,
      /invalid input syntax/,
    ],
    [
      'its query, of another role',
      `grant select on host to reporter; create materialized view report as select kept::int, gone from host;
       alter materialized view report owner to reporter`,
      secret,
      /invalid input syntax/,
    ],
  ])('for rows that %s does not take comes back when they are changed', async (_, view, rows, told) => {
    const [reporter] = roles()
    await database().query(`grant ${reporter} to crm_owner; grant create on schema public to ${reporter}`)
    await asOwner(database(), `${host} ${view.replaceAll(/\breporter\b/g, reporter)}; ${rows}`)
    const declaration = { ...feature, views: view.includes('view v ') ? ['report', 'v'] : ['report'] }
    expect(await removeAndFail(declaration)).toMatch(told)
    await asOwner(database(), 'update host set kept = 2 where id = 2')
    await comesBack(declaration)
  })

  it('for what a function raises that it calls comes back when that is mended', async () => {
    const part = (body: string) =>
      `create or replace function part(n text) returns int language plpgsql as $$begin ${body} end$$`
    await asOwner(
      database(),
      `${host} ${part(`if n = 'secret' then raise '% has no parts', n; end if; return 1;`)};
       create materialized view report as select part(kept), gone from host; ${secret}`,
    )
    expect(await removeAndFail(feature)).toContain('part(text) line 1 at RAISE')
    await asOwner(database(), part('return 0;'))
    await comesBack(feature)
  })

  it.runIf(hasPsql())('for rows of the feature itself comes back by hand', async () => {
    await asOwner(
      database(),
      `create table t (id int primary key, gone int); insert into t values (1, 1);
       create materialized view report as select id, 1 / gone as part from t; insert into t values (2, 0)`,
    )
    const declaration = { name: 'f', tables: ['t'], views: ['report'] }
    await removeAndFail(declaration)
    await abortRestore(database().db, declaration)
    await asOwner(database(), 'update backup_t set gone = 1 where id = 2')
    expect(psql(database(), script())).toMatchObject({ failed: false })
    await asOwner(database(), 'update t set gone = 0 where id = 2')
    expect(await database().query('select * from report order by id')).toEqual([
      { id: 1, part: 1 },
      { id: 2, part: 1 },
    ])
  })
})
