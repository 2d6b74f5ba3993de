import { describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, restoreFeature, type UnshipError } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusedUnchanged } from '../support/refusal.ts'

const columns = { contacts: ['is_expected_program_partner', 'payment_method'] }
const tables = ['program_partner_audit_log']

/** A declaration with a suggestion merged in. */
function merged(declaration: Record<string, unknown>, { suggestion }: UnshipError) {
  const result: Record<string, unknown> = { ...declaration }
  for (const [field, add] of Object.entries(suggestion ?? {})) {
    const before = result[field]
    result[field] = Array.isArray(add)
      ? [...((before as string[] | undefined) ?? []), ...(add as string[])]
      : Object.fromEntries(
          [...new Set([...Object.keys((before as object | undefined) ?? {}), ...Object.keys(add as object)])].map(
            (table) => [
              table,
              [
                ...((before as Record<string, string[]> | undefined)?.[table] ?? []),
                ...((add as Record<string, string[]>)[table] ?? []),
              ],
            ],
          ),
        )
  }
  return defineFeature()(result as unknown as { name: string; tables: string[] })
}

describe('undeclared dependents', () => {
  const database = useDatabase({ template: 'demo' })

  test('are all named at once, several levels deep, and declaring them gets past', async () => {
    await database().query(`
      set role crm_owner;
      create view partner_list as select contact_id from program_partner_compliance;
      create view partner_count as select count(*) as n from partner_list;
      create materialized view partner_totals as select n from partner_count;
      create unique index partner_totals_n on partner_totals (n);
      create function partners() returns setof partner_list language sql as 'select * from partner_list';
      create table audit_reviews (id int primary key, entry_id bigint references program_partner_audit_log);
      create policy partners_only on notes using (
        exists (select from contacts c where c.id = contact_id and c.is_expected_program_partner));
      create index contacts_partner_email on contacts (email) where is_expected_program_partner;
      create function on_partner() returns trigger language plpgsql as 'begin return new; end';
      create trigger contacts_on_partner after update of is_expected_program_partner on contacts
        for each row execute function on_partner();`)
    const before = await readState(database())
    const declaration = { name: 'partners', tables, columns }
    const error = await refusedUnchanged(database(), 'undeclared_dependents', () =>
      removeFeature(database().db, defineFeature()(declaration)),
    )
    expect(await readTraces(database())).toEqual(noTraces)
    expect(error.suggestion).toEqual({
      views: expect.arrayContaining([
        'program_partner_compliance',
        'program_partner_audit_history',
        'partner_list',
        'partner_count',
        'partner_totals',
      ]) as string[],
      functions: ['partners()'],
      constraints: { audit_reviews: ['audit_reviews_entry_id_fkey'] },
      policies: { notes: ['partners_only'] },
      indexes: ['contacts_partner_email'],
      triggers: { contacts: ['contacts_on_partner'] },
    })
    for (const name of ['partner_list', 'partner_totals', 'audit_reviews', 'partners_only', 'contacts_on_partner'])
      expect(error.detail).toContain(name)
    expect(error.hint).toContain('"audit_reviews_entry_id_fkey"')
    await refusedUnchanged(database(), 'undeclared_dependents', () =>
      planRemoval(database().db, defineFeature()(declaration)),
    )

    const feature = merged(declaration, error)
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  })

  test('in another schema are named with it', async () => {
    await database().query(`
      create schema reports authorization crm_owner;
      set role crm_owner;
      create view reports.entries as select id, action from public.program_partner_audit_log`)
    const declaration = { name: 'audit', tables, views: ['program_partner_audit_history'] }
    const error = await refusedUnchanged(database(), 'undeclared_dependents', () =>
      removeFeature(database().db, defineFeature()(declaration)),
    )
    expect(error.suggestion).toEqual({ views: ['reports.entries'] })
    expect((await removeFeature(database().db, merged(declaration, error))).outcome).toBe('removed')
  })

  test('a kept trigger whose function names a removed column is refused', async () => {
    await database().query(`
      set role crm_owner;
      create function normalise() returns trigger language plpgsql as
        $$ begin new.payment_method := lower(new.payment_method); return new; end $$;
      create trigger contacts_normalise before insert on contacts for each row execute function normalise()`)
    const declaration = {
      name: 'payment',
      columns: { contacts: ['payment_method'] },
      views: ['program_partner_compliance'],
    }
    const error = await refusedUnchanged(database(), 'kept_trigger', () =>
      removeFeature(database().db, defineFeature()(declaration)),
    )
    expect(error.suggestion).toEqual({ triggers: { contacts: ['contacts_normalise'] } })
    expect((await removeFeature(database().db, merged(declaration, error))).outcome).toBe('removed')
  })
})
