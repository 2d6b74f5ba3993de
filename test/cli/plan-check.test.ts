import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'
import { json, project, unship } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })

async function saved(words: readonly string[], change: (text: string) => string = (text) => text): Promise<string> {
  const { out } = await unship(['plan', ...words], settings())
  const file = join(await project({}), 'plan')
  await writeFile(file, change(out))
  return file
}

test('plan --check tells of a warning that the reviewed plan does not have', async () => {
  const file = await saved(['--format', 'markdown'])
  await asOwner(
    database(),
    `create function report() returns bigint language plpgsql as
       'begin return (select count(*) from public.contacts where is_expected_program_partner); end'`,
  )
  const { code, out } = await unship(['plan', '--check', file], settings())
  expect({ code, out }).toEqual({ code: 3, out: expect.stringContaining('function public.report()') })
})

test('plan --check tells only what changed also of a plan that git checked out with CR LF', async () => {
  const file = await saved(['--format', 'markdown'], (text) => text.replaceAll('\n', '\r\n'))
  await asOwner(database(), 'create index new_one on contacts (payment_method)')
  const { code, out } = await unship(['plan', '--check', file], settings())
  expect(code).toBe(3)
  expect(out).toContain('new_one')
  expect(out).not.toContain('create function "unship"."watch_')
})

test('plan --check says that a JSON plan that is cut off is none', async () => {
  const file = await saved(['--json'], (text) =>
    text.slice(0, 4000).replace(/"fingerprint": "\w{4}/, '"fingerprint": "0000'),
  )
  const ended = await unship(['plan', '--check', file, '--json'], settings())
  expect(json(ended)).toMatchObject({ error: { code: 'plan_unreadable' } })
})

test('plan --check does not take a plan of the restore for a reviewed removal', async () => {
  const file = await saved(['--down', '--format', 'markdown'])
  const { code } = await unship(['plan', '--check', file], settings())
  expect(code).not.toBe(0)
})
