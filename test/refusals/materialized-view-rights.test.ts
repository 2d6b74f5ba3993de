import { describe, expect, it } from 'vitest'
import { checkHealth, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'f', columns: { host: ['gone'] }, views: ['report'] }

/** Whoever fills a materialized view needs its owner's rights on what it reads, which may have been lost since it was filled. */
describe('a materialized view whose owner may not read', () => {
  const roles = useRoles('reporter', 'clerk')
  const database = useDatabase()

  const lookup = `create table lookup (id int); grant select on lookup to crm_owner`
  const host = `create table host (id int primary key, gone int); insert into host values (1, 1);`
  /** Owned by a role that the migrating one is a member of. */
  const setUpOthers = async (more = '') => {
    const [reporter] = roles()
    await database().query(`${lookup}; grant ${reporter} to crm_owner; grant create on schema public to ${reporter}`)
    await asOwner(
      database(),
      `${host} grant select on host to ${reporter};
       create materialized view report as select gone, lookup.id from host, lookup;
       alter materialized view report owner to ${reporter}; ${more}`,
    )
    return reporter
  }
  const removal = () => refusedUnchanged(database(), 'missing_privilege', () => removeFeature(database().db, feature))
  const restore = () => refusedUnchanged(database(), 'missing_privilege', () => restoreFeature(database().db, feature))
  const problems = async () => (await checkHealth(database().db)).filter(({ result }) => result === 'problem')

  it('what a subquery in its list of columns selects from is refused', async () => {
    await database().query(lookup)
    await asOwner(
      database(),
      `${host} create materialized view report as select gone, (select count(*) from lookup) as n from host`,
    )
    await database().query('revoke select on lookup from crm_owner')
    expect((await removal()).message).toContain('grant select on table "public"."lookup" to "crm_owner"')
  })

  it('rows, for a policy, that a subquery in its list of columns selects from is refused', async () => {
    await database().query(`${lookup}; alter table lookup enable row level security`)
    await asOwner(
      database(),
      `${host} create materialized view report as select gone, (select count(*) from lookup) as n from host`,
    )
    await refusedUnchanged(database(), 'not_restorable', () => removeFeature(database().db, feature))
  })

  it('what the migrating role may read is refused', async () => {
    const reporter = await setUpOthers()
    const { message } = await removal()
    expect(message).toContain(`other roles lack privileges to remove feature f`)
    expect(message).toContain(`grant select on table "public"."lookup" to "${reporter}"`)
  })

  it('is refused by the run of a superuser, too', async () => {
    await setUpOthers()
    await refusedUnchanged(database(), 'missing_privilege', () => removeFeature(database().admin, feature))
  })

  it('any more, since its removal, is told before the restore changes anything', async () => {
    await database().query(lookup)
    await asOwner(
      database(),
      `${host} create materialized view report as select gone, lookup.id from host left join lookup on true`,
    )
    await removeFeature(database().db, feature)
    await database().query('revoke select on lookup from crm_owner')
    expect.soft(await problems(), 'verify').not.toEqual([])
    await restore()
    await database().query('grant select on lookup to crm_owner')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  it('any more what its columns that come back are read by, for it could read the whole table', async () => {
    const [reporter] = roles()
    await database().query(`grant ${reporter} to crm_owner; grant create on schema public to ${reporter}`)
    await asOwner(
      database(),
      `${host} grant select on host to ${reporter}; grant select (id) on host to ${reporter};
       create materialized view report as select id, gone from host; alter materialized view report owner to ${reporter}`,
    )
    await removeFeature(database().db, feature)
    await asOwner(database(), `revoke select on host from ${reporter}; grant select (id) on host to ${reporter}`)
    await restore()
  })

  it('what a view that stays, and belongs to somebody else by now, selects from', async () => {
    const [, clerk] = roles()
    await database().query(`${lookup}; grant ${clerk} to crm_owner; grant create on schema public to ${clerk}`)
    await asOwner(
      database(),
      `${host} create view between as select id as other from lookup;
       create materialized view report as select gone, other from host left join between on true`,
    )
    await removeFeature(database().db, feature)
    await asOwner(database(), `alter view between owner to ${clerk}; grant select on between to crm_owner`)
    expect((await restore()).message).toContain(`grant select on table "public"."lookup" to "${clerk}"`)
    await database().query(`grant select on lookup to ${clerk}; revoke select on lookup from crm_owner`)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  it.each(['db', 'admin'] as const)(
    'for which its owner may not run a function is refused, and told (%s)',
    async (as) => {
      const [reporter] = roles()
      await database().query(
        `grant ${reporter} to crm_owner; grant create on schema public to ${reporter};
       create function part(n int) returns int language sql stable as 'select n'; grant execute on function part to crm_owner`,
      )
      await asOwner(
        database(),
        `${host} grant select on host to ${reporter}; create materialized view report as select part(gone) from host;
       alter materialized view report owner to ${reporter}`,
      )
      const db = database()[as]
      const grant = `grant execute on routine public.part(integer) to "${reporter}"`
      await database().query('revoke execute on function part from public')
      const refused = await refusedUnchanged(database(), 'missing_privilege', () => removeFeature(db, feature))
      expect(refused.message.replaceAll('"public"."part"', 'public.part')).toContain(grant)
      await database().query(`grant execute on function part to ${reporter}`)
      await removeFeature(db, feature)
      await database().query(`revoke execute on function part from ${reporter}`)
      const lost = await refusedUnchanged(database(), 'missing_privilege', () => restoreFeature(db, feature))
      expect(lost.message).toMatch(/part\(integer\) to "reporter_/)
      await database().query(`grant execute on function part to ${reporter}`)
      expect(await restoreFeature(db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    },
  )
})
