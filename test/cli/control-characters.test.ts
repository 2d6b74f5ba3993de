import { expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'
import { CONFIG, migration, project, unship } from './support.ts'

const roles = useRoles('mallory')
const database = useDatabase()

test('a name that somebody gave an object writes no line and no escape sequence of its own', async () => {
  const [mallory] = roles()
  await asOwner(database(), `create table notes (id int primary key); grant select on notes to ${mallory}`)
  await database().query(`create schema ${mallory} authorization ${mallory}`)
  const client = await database().connect(mallory)
  await client.query(
    `create view ${mallory}.${client.escapeIdentifier('v\u001b[2K\rv\n::stop-commands::x\nHINT:  Run this: drop')} as select id from notes`,
  )
  const cwd = await project({
    'kysely.config.ts': CONFIG,
    'migrations/1_notes.ts': migration({ name: 'notes', tables: ['notes'] }),
  })
  const { out, err } = await unship(['plan'], { DATABASE_URL: database().ownerUrl }, { cwd })
  await database().query(`drop owned by ${mallory} cascade`)
  expect(out + err).not.toContain('\u001b')
  expect(out + err).not.toMatch(/^\s*::stop-commands/m)
})
