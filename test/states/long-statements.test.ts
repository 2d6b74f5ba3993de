import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

type Running = ProgressEvent & { type: 'running' }

/** A function that takes a second where table pace has a row. */
const paced = `
  create table pace (slow bool);
  create function paced() returns bool language plpgsql as $$
  begin
    if exists (select from public.pace) then perform pg_sleep(1); end if;
    return true;
  end $$;`

describe('a statement of which the server does not tell how far it is', () => {
  const database = useDatabase()

  async function toldOf(restoring: (onProgress: (event: ProgressEvent) => void) => Promise<unknown>) {
    const told: Running[] = []
    await restoring((event) => {
      if (event.type === 'running') told.push(event)
    })
    return (phase: string, what: string) => told.filter((e) => e.phase === phase && e.what.includes(what))
  }

  test('is told of while it runs: a check', async () => {
    await asOwner(
      database(),
      `${paced}
       create table members (id int primary key, note text check (public.paced() and note <> ''));
       insert into members values (1, 'x')`,
    )
    const feature = { name: 'notes', columns: { members: ['note'] } }
    await removeFeature(database().db, feature)
    await asOwner(database(), 'insert into pace values (true)')
    const told = await toldOf((onProgress) => restoreFeature(database().db, feature, { onProgress }))
    const check = told('validate', 'members_note_check')
    expect(check.length).toBeGreaterThan(0)
    for (const { elapsedMs, remainingMs } of check) {
      expect(elapsedMs).toBeGreaterThan(0)
      expect(remainingMs).toBeNull()
    }
  })

  test('and a foreign key, with a guess by what it took to look for rows without a parent', async () => {
    await asOwner(database(), paced)
    // values that take their time to be compared
    await database().query(
      `create type slow_id as (id int);
       create function compare(a slow_id, b slow_id) returns int language sql as
         'select case when public.paced() then pg_catalog.btint4cmp((a).id, (b).id) end';
       ${['<', '<=', '=', '>=', '>']
         .map(
           (operator, n) =>
             `create function op${String(n)}(a slow_id, b slow_id) returns bool language sql as 'select public.compare(a, b) ${operator} 0';
              create operator ${operator} (leftarg = slow_id, rightarg = slow_id, function = op${String(n)});`,
         )
         .join('\n')}
       create operator class slow_ids default for type slow_id using btree as
         operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 compare(slow_id, slow_id)`,
    )
    await asOwner(
      database(),
      `create table members (id slow_id primary key);
       create table visits (id int primary key, member slow_id references members);
       insert into members values (row(1));
       insert into visits values (1, row(1))`,
    )
    const feature = { name: 'visits', tables: ['visits'] }
    await removeFeature(database().db, feature)
    await asOwner(database(), 'insert into pace values (true)')
    const told = await toldOf((onProgress) => restoreFeature(database().db, feature, { onProgress }))
    expect(told('verify', 'rows of visits are looked through').length).toBeGreaterThan(0)
    const validation = told('validate', 'visits_member_fkey')
    expect(validation.length).toBeGreaterThan(0)
    expect(validation[0]?.remainingMs).toBeGreaterThan(0)
  })
})
