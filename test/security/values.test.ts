import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const SECRET = 'sesame-4711'

/** All that the ledger holds, as text. */
async function ledgerOf(database: TestDatabase): Promise<string> {
  const texts: string[] = []
  for (const table of ['runs', 'objects', 'statements', 'events']) {
    const [found] = await database.query<{ text: string | null }>(
      `select string_agg(t::text, ' ') as text from unship.${table} t`,
    )
    texts.push(found?.text ?? '')
  }
  return texts.join('\n')
}

describe('values of rows', () => {
  const database = useDatabase()
  const feature = defineFeature()({ name: 'f', columns: { t: ['code', 'note'] } })
  const ledger = () => ledgerOf(database())

  test.each([
    ['a unique constraint', 'unique (code, kept)'],
    ['a check', 'check (note <> kept)'],
    ['an exclusion constraint', 'exclude using btree (code with =, kept with =)'],
  ])('that break %s are in no error and not in the ledger', async (_, constraint) => {
    await asOwner(
      database(),
      `create table t (id int primary key, kept text, code text, note text);
       insert into t values (1, 'a', '${SECRET}', '${SECRET}x'), (2, 'b', '${SECRET}', '${SECRET}y');
       alter table t add constraint broken ${constraint}`,
    )
    const declared = { ...feature, constraints: { t: ['broken'] }, acknowledge: { rewrites: { t: ['broken'] } } }
    await removeFeature(database().db, declared)
    await asOwner(database(), `update t set kept = '${SECRET}x'`)
    const events: ProgressEvent[] = []
    const error = await refusal(
      'rows_in_the_way',
      restoreFeature(database().db, declared, { onProgress: (e) => events.push(e) }),
    )
    expect(error.message).toContain('broken')
    expect(error.detail).toMatch(/\((code|note|kept), (kept|note)\)|by some row/)
    expect(error.message).not.toContain('unship_hidden')
    expect(`${inspect(error, { depth: 9, showHidden: true })}${JSON.stringify(events)}`).not.toContain(SECRET)
    expect(await ledger()).not.toContain(SECRET)
  })

  test.each([
    [
      'cannot be read,',
      `create index broken on t ((kept || code)) where (case when kept = 'a' then 1 else (kept || code)::int end) > 0`,
    ],
    ['a function of the application raises,', `create index broken on t (code) where strict(kept, code)`],
  ])('that %s in an index are in no error', async (_, index) => {
    await asOwner(
      database(),
      `create function strict(text, text) returns boolean language plpgsql immutable as
         $$begin if $1 <> 'a' then raise '%', $2 using hint = $2, detail = $2; end if; return true; end$$;
       create table t (id int primary key, kept text, code text, note text); insert into t values (1, 'a', '${SECRET}');
       ${index}`,
    )
    const declared = { ...feature, indexes: ['broken'] }
    await removeFeature(database().db, declared)
    await asOwner(database(), `update t set kept = 'b'`)
    const error = await refusal('statement_failed', restoreFeature(database().db, declared))
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET)
    expect(error.detail).toMatch(
      /^22P02: .* type integer|^P0001: raised by PL\/pgSQL function .*strict\(text,text\) line 1/,
    )
    expect(error.cause).toMatchObject({
      code: /22P02|P0001/.exec(error.detail ?? '')?.[0],
      severity: 'ERROR',
      routine: expect.any(String) as string,
    })
    expect(await ledger()).not.toContain(SECRET)
  })

  test('of a foreign key that does not hold any more go to a table aside, not to the report', async () => {
    await asOwner(
      database(),
      `create table p (id text primary key);
       create table t (id int primary key, code text references p, note text);
       insert into p values ('${SECRET}'); insert into t values (1, '${SECRET}', '${SECRET}')`,
    )
    await removeFeature(database().db, feature)
    await asOwner(database(), 'delete from p')
    const restored = await restoreFeature(database().db, feature)
    expect(restored.setAside).toHaveLength(1)
    expect(JSON.stringify(restored)).not.toContain(SECRET)
    expect(await ledger()).not.toContain(SECRET)
  })

  test('that the ledger of a removal and a restore would hold: none', async () => {
    await asOwner(
      database(),
      `create table t (id text primary key, code text, note text);
       insert into t select '${SECRET}' || n, '${SECRET}' || n, '${SECRET}' || n from generate_series(1, 200) n;
       analyze t`,
    )
    const reports = [await removeFeature(database().db, feature), await restoreFeature(database().db, feature)]
    expect(JSON.stringify(reports)).not.toContain(SECRET)
    expect(await ledger()).not.toContain(SECRET)
  })
})

describe('what other sessions have sent', () => {
  const demo = useDatabase({ template: 'demo' })

  test('is named without its values, in the error, in progress, in the ledger', async () => {
    // of the same role, which may see what it runs
    const holder = await demo().connect()
    await holder.query(
      `begin; select count(*) as "held 5 times" from contacts where last_name <> '${SECRET}' and payment_method_notes is distinct from $$${SECRET}$$ -- ${SECRET}`,
    )
    const events: ProgressEvent[] = []
    const options = { lockTimeoutMs: 20, lockAttempts: 3, onProgress: (e: ProgressEvent) => void events.push(e) }
    const error = await refusal('locked', removeFeature(demo().db, programPartner, options))
    await holder.query('rollback')
    expect(error.message).toContain(
      `select count(*) as "held 5 times" from contacts where last_name <> '...' and payment_method_notes is distinct from '...'`,
    )
    expect(`${error.message}${JSON.stringify(events)}`).not.toContain(SECRET)
    expect(await ledgerOf(demo())).not.toContain(SECRET)
  })
})
