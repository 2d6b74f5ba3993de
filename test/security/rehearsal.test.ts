import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { defineFeature, rehearse, removeFeature, restoreFeature } from 'kysely-unship'
import { entry, SCHEMA } from '../rehearse/schema.ts'

const feature = defineFeature()({ name: 'kind', columns: { item: ['kind'] } })

const THEIRS = entry(
  'TABLE',
  'theirs',
  `CREATE TABLE public.theirs (id integer CHECK (public.harmless(id))); ALTER TABLE public.theirs OWNER TO mallory;`,
)
const harmless = (proof: string, more = '') =>
  entry(
    'FUNCTION',
    'harmless(integer)',
    `CREATE FUNCTION public.harmless(integer) RETURNS boolean LANGUAGE plpgsql ${more} AS
      $$ begin ${proof}; return true; end $$;
     ALTER FUNCTION public.harmless(integer) OWNER TO mallory;`,
  )

describe('no program that the author of a schema chose runs where it is rehearsed:', () => {
  test.each<[string, (proof: string) => string[]]>([
    ["a check of another role's table", (proof) => [harmless(`execute ${proof}`), THEIRS]],
    [
      'a function that would be a superuser',
      (proof) => [
        harmless(`execute ${proof}`, 'SECURITY DEFINER'),
        entry('FUNCTION', 'harmless(integer)', 'ALTER FUNCTION public.harmless(integer) OWNER TO unship_superuser;'),
        THEIRS,
      ],
    ],
    [
      'a function that takes on another role',
      (proof) => [harmless(`reset role; reset session authorization; execute ${proof}`), THEIRS],
    ],
    [
      'the text of a function that looks like another entry',
      (proof) => [harmless(`${entry('TABLE', 'x', `do ${proof};`)} perform 1`), THEIRS],
    ],
    [
      'an event trigger',
      (proof) => [
        entry(
          'FUNCTION',
          'on_ddl()',
          `CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ begin
             execute ${proof}; exception when insufficient_privilege then return; end $$;`,
        ),
        entry(
          'EVENT TRIGGER',
          'on_ddl',
          'CREATE EVENT TRIGGER on_ddl ON ddl_command_start\n   EXECUTE FUNCTION public.on_ddl();\n\n\nALTER EVENT TRIGGER on_ddl OWNER TO mallory;',
        ),
      ],
    ],
  ])('%s', async (_, theirs) => {
    const folder = mkdtempSync(join(tmpdir(), 'rehearsal-'))
    chmodSync(folder, 0o777)
    const proof = join(folder, 'ran')
    try {
      await rehearse({
        schema: [SCHEMA, ...theirs(`'copy (select 1) to program ''touch ${proof}'''`)].join(''),
        major: 17,
        up: (db) => removeFeature(db, feature),
        down: (db) => restoreFeature(db, feature),
        rows: { perTable: 1 },
      })
      expect(existsSync(proof)).toBe(false)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

test('what a dump has of superusers, other owners and grantors is rehearsed all the same', async () => {
  const read: unknown[] = []
  const found = await rehearse({
    schema: [
      SCHEMA,
      entry('EXTENSION', 'pg_buffercache', 'CREATE EXTENSION IF NOT EXISTS pg_buffercache WITH SCHEMA public;'),
      entry('COMMENT', 'EXTENSION pg_buffercache', `COMMENT ON EXTENSION pg_buffercache IS 'it''s; here';`),
      entry('SCHEMA', 'apart', 'CREATE SCHEMA apart;\n\n\nALTER SCHEMA apart OWNER TO postgres;'),
      entry(
        'TABLE',
        'apart.secured',
        `CREATE TABLE apart.secured (id int PRIMARY KEY, k text DEFAULT 'x');
         ALTER TABLE apart.secured OWNER TO nobody_special;
         ALTER TABLE apart.secured ENABLE ROW LEVEL SECURITY;
         ALTER TABLE ONLY apart.secured FORCE ROW LEVEL SECURITY;`,
      ),
      entry(
        'PUBLICATION',
        'everything',
        `CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert, update');`,
      ),
      entry('PUBLICATION', 'few', `CREATE PUBLICATION few WITH (publish = 'insert');`),
      entry('PUBLICATION TABLES IN SCHEMA', 'few apart', 'ALTER PUBLICATION few ADD TABLES IN SCHEMA apart;'),
      entry(
        'ACL',
        'TABLE secured',
        'GRANT SELECT ON TABLE apart.secured TO app WITH GRANT OPTION;\nSET SESSION AUTHORIZATION app;\nGRANT SELECT ON TABLE apart.secured TO "Some One";\nRESET SESSION AUTHORIZATION;',
      ),
    ].join(''),
    major: 17,
    async up(db) {
      const { rows } =
        await sql`select current_setting('is_superuser') as superuser, array_to_json(c.relacl)::text as acl,
        pg_get_userbyid(c.relowner) as owner, (select array_agg(pubname::text order by 1) from pg_publication) as publications
        from pg_class c where c.relname = 'secured'`.execute(db)
      read.push(...rows)
    },
    down: () => Promise.resolve(),
    rows: { perTable: 3 },
  })
  expect(found.leftOut.map(({ what, reason }) => `${what}: ${reason}`)).toEqual([
    expect.stringMatching(/^EXTENSION public.nowhere/),
    expect.stringMatching(/^TABLE public.place/),
  ])
  expect(found.rows).toMatchObject({ 'apart.secured': 3 })
  expect(read).toEqual([
    {
      superuser: 'off',
      owner: 'nobody_special',
      acl: expect.stringContaining('\\"Some One\\"=r/app'),
      publications: ['everything', 'few'],
    },
  ])
})
