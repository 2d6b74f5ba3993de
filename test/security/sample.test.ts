import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { rehearse } from 'kysely-unship'
import { SCHEMA } from '../rehearse/schema.ts'
import { useDatabase } from '../support/database.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

const roles = useRoles('mallory')
const database = useDatabase()

/** Which rows of the test's database a rehearsal leaves out. */
const leftOut = async (url = database().url) => {
  const found = await rehearse({
    schema: SCHEMA,
    major: 17,
    up: () => Promise.resolve(),
    down: () => Promise.resolve(),
    rows: { perTable: 1, from: url },
  })
  return found.leftOut.filter(({ what }) => what.startsWith('ROWS'))
}

const CONSTANT = `create table public.theirs (id int);
  create function public.one(int) returns int immutable language plpgsql as 'begin return 1; end';`
/** COPY is not for a function that is not volatile; one that it calls may. */
const REPLACED = `create function public.run() returns int language plpgsql as $$ begin
    execute $proof;
    return 1;
  exception when insufficient_privilege then return 1;
  end $$;
  create or replace function public.one(int) returns int immutable language plpgsql as $$ begin return public.run(); end $$`
const READING = /^reading it would run function public.one\(integer\) of role mallory_/

describe('a rehearsal runs no function of others in the database that it takes rows from:', () => {
  test.each([
    [
      'one that is called like a built-in one',
      `create function public.format(text, name, name) returns text language plpgsql as $$ begin
         execute $proof;
         return pg_catalog.format($1, variadic array[$2, $3]);
       exception when insufficient_privilege then
         return pg_catalog.format($1, variadic array[$2, $3]);
       end $$;
       create table public.theirs (id int)`,
      /^the table is not there$/,
    ],
    ['one that is computed for an index', `${CONSTANT} create index on theirs ((id + one(1))); ${REPLACED}`, READING],
    [
      'one that is computed for statistics',
      `${CONSTANT} create statistics s on (id + one(1)) from theirs; ${REPLACED}`,
      READING,
    ],
  ])('%s', async (_, made, reason) => {
    const [mallory] = roles()
    const folder = mkdtempSync(join(tmpdir(), 'sample-'))
    chmodSync(folder, 0o777)
    const proof = join(folder, 'ran')
    await database().query(`grant create on schema public to ${mallory}`)
    const client = await database().connect(mallory)
    await client.query(made.replace('$proof', `'copy (select current_user) to program ''cat > ${proof}'''`))
    try {
      await client.query('insert into public.theirs values (1)')
      const found = await leftOut()
      expect(existsSync(proof)).toBe(false)
      expect(found).toEqual([{ what: 'ROWS public.theirs', reason: expect.stringMatching(reason), sql: '' }])
    } finally {
      rmSync(folder, { recursive: true })
      await database().query(`drop owned by ${mallory} cascade`)
    }
  })

  test('that of a policy', async () => {
    const [mallory] = roles()
    await asOwner(
      database(),
      `create table theirs (id int); alter table theirs enable row level security; create policy p on theirs using (true);
       grant select on theirs to ${mallory}`,
    )
    await database().query(`alter role ${mallory} password 'mallory'`)
    const url = new URL(database().url)
    url.username = mallory
    url.password = 'mallory'
    const found = await leftOut(url.href)
    await database().query(`drop owned by ${mallory} cascade`)
    expect(found).toEqual([
      { what: 'ROWS public.theirs', reason: expect.stringMatching(/^its row level security/), sql: '' },
    ])
  })
})
