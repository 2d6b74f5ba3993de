import { describe, expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'
import { CONFIG, migration, project, unship } from './support.ts'

const database = useDatabase()

describe('a feature that speaks of passwords', () => {
  const plan = async (...words: string[]) => {
    const cwd = await project({
      'kysely.config.ts': CONFIG,
      'migrations/1_sign_in.ts': migration({ name: 'sign_in', columns: { people: ['sign_in', 'secret'] } }),
    })
    return await unship(['plan', ...words], { DATABASE_URL: database().ownerUrl }, { cwd })
  }

  test('has a plan whose statements are all there', async () => {
    await asOwner(
      database(),
      `create table people (id int primary key, secret text, sign_in text not null default 'password');
       comment on column people.secret is 'what stands for the password'`,
    )
    const { out } = await plan('--format', 'sql', '--down')
    for (const n of [1, 2, 3, 4, 5]) expect(out).toMatch(new RegExp(`^-- ${String(n)}\\. `, 'm'))
    expect(out).toContain(`default 'password'::text;`)
  })

  test.each(['what stands for the password', `the customer's password`])('has a plan in JSON: %s', async (comment) => {
    await asOwner(
      database(),
      `create table people (id int primary key, secret text, sign_in text);
         comment on column people.secret is $c$${comment}$c$`,
    )
    const { code, out } = await plan('--json')
    expect(code).toBe(0)
    const { statements, restore } = JSON.parse(out) as Record<'statements' | 'restore', { sql: string }[]>
    expect(statements.map(({ sql }) => sql).join('\n')).toContain('drop column "secret"')
    expect(restore.map(({ sql }) => sql)).toContain(
      `comment on column "public"."people"."unship_hidden_secret" is '${comment.replaceAll("'", "''")}'`,
    )
  })
})
