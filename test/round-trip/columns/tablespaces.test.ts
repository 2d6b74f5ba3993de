import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { connectAs } from '../../support/connect.ts'
import { useDatabase } from '../../support/database.ts'
import { actingBeforeEach } from '../../support/interleave.ts'
import { asOwner } from '../../support/round-trip.ts'
import { refusal, roundTrip } from './support.ts'

/** In the data directory, which a server that cannot be reached on disk has room in too. */
const IN_PLACE = 'set allow_in_place_tablespaces = on'

describe('indexes in a tablespace', () => {
  const space = `unship Space ${randomBytes(4).toString('hex')}`
  const maintain = async (...statements: string[]) => {
    const client = await connectAs(inject('server').url)
    for (const sql of statements) await client.query(sql)
    await client.end()
  }
  beforeAll(() =>
    maintain(
      IN_PLACE,
      `create tablespace "${space}" location ''`,
      `grant create on tablespace "${space}" to crm_owner`,
    ),
  )
  const database = useDatabase()
  afterAll(() => maintain(`drop tablespace "${space}"`))

  const setup = `
    create table t (id int primary key, kept int, gone int, note text);
    insert into t select g, g % 7, g, 'n' || g from generate_series(1, 100) g;`

  test('of columns that go are built there again, constraints among them', async () => {
    await roundTrip(database(), {
      setup: `${setup}
        create index on t (gone) tablespace "${space}";
        create unique index on t (note, kept) include (gone) with (fillfactor = 80) tablespace "${space}" where gone > 3 and note <> ' WHERE x';
        create index on t (lower(note)) tablespace "${space}";
        create index on t (gone) tablespace "${space}" where case when kept > 3 then true else false end;
        alter table t add unique (gone, id) using index tablespace "${space}";`,
      feature: {
        name: 'f',
        columns: { t: ['gone', 'note'] },
        indexes: ['t_note_kept_gone_idx', 't_gone_idx1'],
        constraints: { t: ['t_gone_id_key'] },
      },
      away: async () => {
        const left = await database().query(
          `select from pg_class where relkind = 'i' and reltablespace <> 0 and relname like 't\\_%'`,
        )
        expect(left).toEqual([])
      },
    })
  })

  test('or with an array in their filter are known again where a restore broke off right after building them', async () => {
    await asOwner(
      database(),
      `${setup} alter table t add code varchar(5); create index spaced on t (gone) tablespace "${space}" where kept > 1;
       create index filtered on t (gone) where code in ('x', 'y')`,
    )
    const feature = defineFeature()({ name: 'f', columns: { t: ['gone'] }, indexes: ['filtered', 'spaced'] })
    await removeFeature(database().db, feature)
    for (const index of ['filtered', 'spaced']) {
      const built = async () => {
        const found = await database().query(`select from pg_class where relname = '${index}'`)
        if (found.length > 0) throw new Error(`stopped after ${index}`)
      }
      const again = actingBeforeEach(database(), 'set done_at = ', built, (db) => restoreFeature(db, feature))
      await expect(again).rejects.toThrow(`stopped after ${index}`)
    }
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('of a partitioned table, or of an exclusion constraint, are refused', async () => {
    await asOwner(
      database(),
      `${setup} alter table t add exclude using btree (gone with =) using index tablespace "${space}";
       create table parts (id int primary key, gone int) partition by list (id);
       create index on parts (gone) tablespace "${space}";`,
    )
    const feature = { name: 'f', columns: { t: ['gone'], parts: ['gone'] }, constraints: { t: ['t_gone_excl'] } }
    const error = await refusal(database(), feature)
    expect(error.detail).toContain(`index t_gone_excl of t is in tablespace ${space}`)
    expect(error.detail).toContain(`index parts_gone_idx of parts is in tablespace ${space}`)
  })
})
