import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

describe('what the restore needs and nothing keeps from being dropped once the feature is away', () => {
  const roles = useRoles('reader')
  const database = useDatabase()
  const feature = { name: 'f', tables: ['log'], columns: { host: ['gone'] }, views: ['reports.v'] }

  test('roles with privileges, and schemas: asked for before anything changes', async () => {
    const [role] = roles()
    await asOwner(
      database(),
      `create table host (id int primary key, gone int); create table log (id int primary key); insert into host values (1, 1)`,
    )
    await database().query(
      `create schema reports authorization crm_owner; set role crm_owner; create view reports.v as select gone from host;
       grant select on log to ${role} with grant option; grant update (gone) on host to ${role}; reset role`,
    )
    await removeFeature(database().db, feature)
    const renamed = `${role}_2`
    await database().query(`drop schema reports; alter role ${role} rename to ${renamed}`)
    const error = await refusal('not_restorable', restoreFeature(database().db, feature))
    expect(error.detail?.split('\n')).toEqual([`role ${role} does not exist.`, 'schema reports does not exist.'])
    await database().query(`create schema reports authorization crm_owner; alter role ${renamed} rename to ${role}`)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })
})
