import { expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { backupsAmong, readTraces } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'pay', columns: { contacts: ['pay'] } }

test('a removal that has filled the disk gives its space back, though the ledger cannot be written', async () => {
  await asOwner(
    database(),
    `create table contacts (id int primary key, pay text);
     insert into contacts select n, 'pay ' || n from generate_series(1, 50) n`,
  )
  await removeFeature(database().db, feature)
  await restoreFeature(database().db, feature)
  // the backup has taken the last page: entries of the ledger find none, until it has gone
  await asOwner(
    database(),
    `create function unship.no_space() returns trigger language plpgsql as $$ begin
       if to_regclass('public.backup_pay_contacts') is not null or new.state = 'aborted' then
         raise disk_full using message = 'could not extend file "base/5/16535_fsm": No space left on device';
       end if;
       return new;
     end $$;
     create trigger no_space before update on unship.runs for each row when (new.direction = 'removal') execute function unship.no_space()`,
  )
  const broken = await removeFeature(database().db, feature).catch(String)
  expect(broken).toContain('No space left on device')
  await asOwner(database(), 'drop trigger no_space on unship.runs; drop function unship.no_space()')
  const traces = await readTraces(database())
  expect({ backups: backupsAmong(traces), onHosts: traces.onHosts, watches: traces.watches }).toEqual({
    backups: [],
    onHosts: [],
    watches: [],
  })
  // with room again the same command finds that nothing is left of the first run but its entry
  expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
  expect(await database().query('select state from unship.runs order by id')).toEqual([
    { state: 'done' },
    { state: 'done' },
    { state: 'aborted' },
    { state: 'done' },
  ])
  expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  expect(await database().query('select count(pay)::int as n from contacts')).toEqual([{ n: 50 }])
})
