import type { ClientBase } from 'pg'
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../run/query.ts'
import { dumpEntries, isOfLedger, type DumpEntry } from './dump.ts'
import { makeRole, openToEverybody, type RehearsalServer } from './server.ts'
import { bySuperuser } from './superuser.ts'
import { withoutPasswords } from '../secrets.ts'

/** Something of a dump, or rows, that could not be loaded. */
export interface LeftOut {
  readonly what: string
  readonly reason: string
  /** What would have made it; empty for rows. */
  readonly sql: string
}

/**
 * Loads a dump into an empty database, as no superuser. Roles that it names are made, without rights of their
 * own; what needs something that is not there (an extension, a tablespace), or a superuser, is left out and told.
 */
export async function loadDump({ admin }: RehearsalServer, client: ClientBase, dump: string): Promise<LeftOut[]> {
  const leftOut: LeftOut[] = []
  for (const entry of dumpEntries(dump).filter((e) => !isOfLedger(e))) {
    const reason = await load(admin, client, entry)
    if (reason === null || (entry.what === 'setting' && reason.startsWith('unrecognized configuration'))) continue
    leftOut.push({ ...entry, reason })
  }
  await client.query('reset all; reset role')
  const { rows } = await client.query<{ name: string }>(SCHEMAS)
  for (const { name } of rows) await openToEverybody(admin, 'create, usage', 'schema', name)
  return leftOut
}

/** @returns why it could not be loaded */
async function load(admin: ClientBase, client: ClientBase, entry: DumpEntry): Promise<string | null> {
  const sql = byMember(entry)
  try {
    for (let attempt = 0; ; attempt++)
      try {
        // one implicit transaction: wholly, or not at all
        await client.query(sql)
        return null
      } catch (error) {
        const help = attempt < MOST_ATTEMPTS ? helpFor(sql, error) : null
        if (help === null) throw error
        await help.give(admin)
        if (help.instead) return null
      }
  } catch (error) {
    return messageOf(error)
  }
}

/** Roles, schemas and the like, of one entry. */
const MOST_ATTEMPTS = 100

const messageOf = (error: unknown) => withoutPasswords(error instanceof Error ? error.message : String(error))

/** What a superuser can do that an entry is loaded, or `instead` of it; null: nothing. */
interface Help {
  readonly instead: boolean
  give(admin: ClientBase): Promise<unknown>
}

function helpFor(sql: string, error: unknown): Help | null {
  const role = /role "(.*)" does not exist/.exec(messageOf(error))?.[1]
  if (role !== undefined) return { instead: false, give: (admin) => makeRole(admin, role) }
  if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) return null
  const [, kind = '', name = ''] = /^permission denied for (\S.*\S|schema) (\S+)$/.exec(messageOf(error)) ?? []
  const privileges = OPENED[kind]
  if (privileges !== undefined)
    return { instead: false, give: (admin) => openToEverybody(admin, privileges, kind.replace('-', ' '), name) }
  const statements = bySuperuser(sql)
  return statements && { instead: true, give: (admin) => admin.query(statements.join('\n')) }
}

/** What roles are given where they lack it, by the kind of object. */
const OPENED: Readonly<Record<string, string>> = {
  schema: 'create, usage',
  'foreign-data wrapper': 'usage',
  'foreign server': 'usage',
}

/** Grants by others than the owner: a member of their roles acts as they, a superuser would become them. */
const byMember = ({ what, sql }: DumpEntry): string =>
  /^(?:DEFAULT )?ACL /.test(what)
    ? sql
        .replace(/^SET SESSION AUTHORIZATION (.*);$/gm, 'SET ROLE $1;')
        .replace(/^RESET SESSION AUTHORIZATION;$/gm, 'RESET ROLE;')
    : sql

const SCHEMAS = `select nspname as name from pg_catalog.pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema'`
