import type { ClientBase } from 'pg'
import { id } from '../sql.ts'
import { dumpEntries, isOfLedger } from './dump.ts'

/** Something of a dump, or rows, that could not be loaded. */
export interface LeftOut {
  readonly what: string
  readonly reason: string
  /** What would have made it; empty for rows. */
  readonly sql: string
}

/**
 * Loads a dump into an empty database. Roles that it names are made, without rights of their
 * own; what needs something that is not there (an extension, a tablespace) is left out and told.
 */
export async function loadDump(client: ClientBase, dump: string): Promise<LeftOut[]> {
  const leftOut: LeftOut[] = []
  for (const entry of dumpEntries(dump).filter((e) => !isOfLedger(e))) {
    const reason = await load(client, entry.sql)
    if (reason === null || (entry.what === 'setting' && reason.startsWith('unrecognized configuration'))) continue
    leftOut.push({ ...entry, reason })
  }
  await client.query('reset all; reset session authorization')
  return leftOut
}

/** Gives all functions to the superuser that rehearses: it would refuse to run those of other roles, as which a rehearsal does not run. */
export async function takeFunctions(client: ClientBase): Promise<void> {
  await client.query(`do $take$ declare theirs record; begin
  for theirs in select p.oid::pg_catalog.regprocedure as routine from pg_catalog.pg_proc p
    join pg_catalog.pg_roles r on r.oid = p.proowner where not r.rolsuper
  loop
    execute pg_catalog.format('alter routine %s owner to current_user', theirs.routine);
  end loop;
end $take$`)
}

/** @returns why it could not be loaded */
async function load(client: ClientBase, sql: string): Promise<string | null> {
  for (let attempt = 0; ; attempt++)
    try {
      // one implicit transaction: wholly, or not at all
      await client.query(sql)
      return null
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      const role = /role "(.*)" does not exist/.exec(message)?.[1]
      if (role === undefined || attempt >= MOST_ROLES) return message
      await client.query(`create role ${id(role)}`)
    }
}

/** Of one entry. */
const MOST_ROLES = 100
