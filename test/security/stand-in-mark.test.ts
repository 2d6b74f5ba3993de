import { describe, expect, test } from 'vitest'
import { abortRestore, defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

const roles = useRoles('mallory')
const database = useDatabase()
const nick = defineFeature()({ name: 'nick', columns: { people: ['nick'] } })

/** A table with a trigger, and somebody else who may only make triggers of it. */
async function setUp() {
  const [mallory] = roles()
  await asOwner(
    database(),
    `create table people (id int primary key, name text, nick text); insert into people values (1, 'Ada', 'a');
     create function stamp() returns trigger language plpgsql as 'begin return new; end';
     create trigger stamped before update on people for each row execute function stamp();
     grant trigger on people to ${mallory}`,
  )
  return await database().connect(mallory)
}

const triggers = () =>
  database().query(`select tgname, pg_get_triggerdef(oid) as def from pg_trigger where not tgisinternal order by 1`)

describe("a trigger that bears a stand-in's mark", () => {
  test('does not stop a restore', async () => {
    const client = await setUp()
    const before = await readState(database())
    const [stamped] = await database().query<{ oid: string }>(
      `select oid::text from pg_trigger where tgname = 'stamped'`,
    )
    await client.query(
      `create trigger mine after insert on people for each row when ('unship.filling ${stamped?.oid ?? ''}' is null) execute function stamp()`,
    )
    await removeFeature(database().db, nick)
    expect(await restoreFeature(database().db, nick)).toMatchObject({ outcome: 'restored', warnings: [] })
    await database().query('drop trigger mine on people')
    expect(await readState(database())).toEqual(before)
    await database().query(`drop owned by ${roles()[0]}`)
  })

  test.each(['restore', 'abort'])('and is the same otherwise, does not either: %s', async (way) => {
    const client = await setUp()
    const before = await triggers()
    await removeFeature(database().db, nick)
    const copy = async () => {
      const [standIn] = await database().query<{ def: string }>(
        `select pg_get_triggerdef(oid) as def from pg_trigger where tgname = 'stamped'`,
      )
      await client.query(standIn?.def.replace('TRIGGER stamped', 'TRIGGER mine') ?? '')
    }
    let copied = false
    const controller = new AbortController()
    const restore = restoreFeature(database().db, nick, {
      signal: controller.signal,
      async pauseWhile() {
        if (!copied) await copy()
        copied = true
        if (way === 'abort') controller.abort()
        return false
      },
    })
    if (way === 'abort') {
      await expect(restore).rejects.toMatchObject({ code: 'cancelled' })
      await abortRestore(database().db, nick)
    } else expect(await restore).toMatchObject({ outcome: 'restored' })
    await database().query('drop trigger mine on people')
    expect(await triggers()).toEqual(before)
    await database().query(`drop owned by ${roles()[0]}`)
  })
})
