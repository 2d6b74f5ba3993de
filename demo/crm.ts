import { readFile } from 'node:fs/promises'
import pg from 'pg'

/** The demo's database, seen by each who works with it. */
export interface Crm {
  /** Looks at everything. */
  readonly adminUrl: string
  /** Owns the tables and runs the migrations. */
  readonly ownerUrl: string
  /** The application. */
  readonly appUrl: string
}

const DATABASE = 'crm'
const OWNER = 'crm_owner'
const APP = 'crm_app'

/** Creates the database and loads roles, schema and data into it. */
export async function createCrm(serverUrl: string): Promise<Crm> {
  await runScript(serverUrl, await demoFile('roles.sql'))
  await runScript(serverUrl, `create database ${DATABASE} owner ${OWNER}`)
  const adminUrl = urlOf(serverUrl)
  await runScript(adminUrl, await demoFile('schema.sql'))
  await runScript(adminUrl, await demoFile('data.sql'))
  return { adminUrl, ownerUrl: urlOf(serverUrl, OWNER), appUrl: urlOf(serverUrl, APP) }
}

/** The demo's roles have their names for passwords. */
function urlOf(serverUrl: string, role?: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${DATABASE}`
  if (role !== undefined) url.username = url.password = role
  return url.href
}

const demoFile = (name: string) => readFile(new URL(name, import.meta.url), 'utf8')

async function runScript(connectionString: string, script: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query(script)
  } finally {
    await client.end()
  }
}
