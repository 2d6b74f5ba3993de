import { describe, expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { refusedUnchanged } from '../../support/refusal.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

const database = useDatabase()

describe('a removed column draws its default from the sequence of another column that goes', () => {
  const host = `create table host (id int primary key, number int default nextval('ticket_number_seq')); insert into host values (1)`

  test.each(['serial', 'int generated always as identity'])('of a moved table, %s', async (type) => {
    await asOwner(
      database(),
      `create table ticket (number ${type} primary key, note text); insert into ticket (note) values ('a');
       grant usage on sequence ticket_number_seq to crm_app; ${host}`,
    )
    await expectRoundTrip(database(), { name: 'tickets', tables: ['ticket'], columns: { host: ['number'] } })
  })

  test('of another host table', async () => {
    await asOwner(database(), `create table ticket (id int primary key, number serial); ${host}`)
    await expectRoundTrip(database(), { name: 'tickets', columns: { ticket: ['number'], host: ['number'] } })
  })

  test('of an identity column: refused before anything changes, rather than by the cut-over', async () => {
    await asOwner(
      database(),
      `create table ticket (id int primary key, number int generated always as identity); ${host}`,
    )
    const error = await refusedUnchanged(database(), 'not_restorable', () =>
      removeFeature(database().db, { name: 'tickets', columns: { ticket: ['number'], host: ['number'] } }),
    )
    expect(error.detail).toContain(
      'needs sequence public.ticket_number_seq, which goes and comes with its identity column',
    )
  })
})
