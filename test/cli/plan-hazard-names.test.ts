import { expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'
import { CONFIG, migration, project, unship } from './support.ts'

const database = useDatabase()

test.each(['text', 'markdown'])('plan as %s says which materialized views and triggers it warns of', async (format) => {
  await asOwner(
    database(),
    `create table contacts (id int primary key, vip boolean);
     create function look() returns trigger language plpgsql as 'begin perform new.vip; return new; end';
     create trigger looks before insert on contacts for each row execute function look();
     create materialized view vips as select id from contacts where vip;
     create materialized view others as select id from contacts where not vip`,
  )
  const cwd = await project({
    'kysely.config.ts': CONFIG,
    'migrations/1_vip.ts': migration({
      name: 'vip',
      columns: { contacts: ['vip'] },
      views: ['vips', 'others'],
      acknowledge: { triggers: { contacts: ['looks'] } },
    }),
  })
  // who is not their owner cannot build them ahead
  const { out, err } = await unship(['plan', '--format', format], { DATABASE_URL: database().url }, { cwd })
  const warnings = out.split('\n').filter((line) => /Warning:|^ {2}!/.test(line))
  const queries = warnings.filter((line) => line.includes('query runs at the reveal')).join('\n')
  expect(queries, out + err).toContain('vips')
  expect(queries).toContain('others')
  expect(warnings.find((line) => line.includes('trigger looks'))).toContain('contacts')
})
