import { expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { useRoles } from '../support/role.ts'
import { asOwner, HOSTILE_DEFAULTS } from '../support/round-trip.ts'

const roles = useRoles('mallory')
const database = useDatabase()
const feature = defineFeature()({ name: 'numbers', columns: { people: ['number'] } })

test('who has no right on a table draws no numbers of its identity while it is restored', async () => {
  await asOwner(
    database(),
    `create table people (id int primary key, number smallint generated always as identity);
     insert into people values (1), (2)`,
  )
  const mallory = await database().connect(roles()[0])
  await removeFeature(database().db, feature)
  let drawn: unknown
  await restoreFeature(database().db, feature, {
    async pauseWhile() {
      drawn ??= await mallory
        .query(`select count(nextval('public.unship_hidden_people_number_seq')) from generate_series(1, 32765)`)
        .then(
          ({ rows }) => rows,
          (error: unknown) => (error as Error).message,
        )
      return false
    },
  })
  await asOwner(database(), 'insert into people (id) values (3)')
  expect(drawn).toMatch(/permission denied/)
})

test('who may insert by way of a view, or may only since, is given a number', async () => {
  const [mallory] = roles()
  await asOwner(
    database(),
    `create table people (id int primary key, number smallint generated always as identity);
     insert into people values (1), (2);
     create view shown as select id from people; grant insert on shown to ${mallory}`,
  )
  await database().query(HOSTILE_DEFAULTS)
  const theirs = await database().connect(mallory)
  await removeFeature(database().db, feature)
  let inserted = false
  await restoreFeature(database().db, feature, {
    async pauseWhile() {
      if (!inserted) await theirs.query('insert into shown values (3)')
      if (!inserted) await asOwner(database(), `grant insert (id) on people to ${mallory}`)
      if (!inserted) await theirs.query('insert into people (id) values (4)')
      inserted = true
      return false
    },
  })
  await theirs.query('insert into people (id) values (5)')
  expect(await database().query('select id, number from people order by id')).toEqual(
    [1, 2, 3, 4, 5].map((id) => ({ id, number: id })),
  )
  await database().query(`drop owned by ${mallory}`)
})
