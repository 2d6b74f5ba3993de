import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { startEmbedded } from '../embedded/start.ts'
import { id, literal } from '../sql.ts'

const DATABASE = 'rehearsal'
const ROLE = 'unship_rehearsal'
/** All roles of the dump are in it, so that it does not matter who may create where. */
const EVERYBODY = 'unship_everybody'
/** No dump is expected to name it: those of `postgres` become an ordinary role's. */
const SUPERUSER = 'unship_superuser'

/**
 * A server for one rehearsal. What a schema's authors wrote runs while it is loaded, filled and migrated, hence all of that
 * is a role's that owns the database and may act as every role of the dump, but is no superuser, who could start
 * programs and read files on this machine.
 */
export interface RehearsalServer {
  /** Of that role. */
  readonly url: string
  /** A superuser's connection, for what only superusers may, and nobody's code runs by. */
  readonly admin: pg.Client
  /** Works on a connection on which neither triggers nor rules fire. */
  withoutTriggers<T>(work: (client: pg.Client) => Promise<T>): Promise<T>
  stop(): Promise<void>
}

export async function startRehearsalServer(major: number): Promise<RehearsalServer> {
  const server = await startEmbedded({ fast: true, major, superuser: SUPERUSER })
  let admin: pg.Client | undefined
  try {
    const password = randomBytes(12).toString('hex')
    await connected(server.url, async (client) => {
      for (const sql of setUp(major, password)) await client.query(sql)
    })
    const inRehearsal = new URL(server.url)
    inRehearsal.pathname = `/${DATABASE}`
    admin = new pg.Client({ connectionString: inRehearsal.href })
    admin.on('error', () => undefined) // its next query tells
    await admin.connect()
    // PUBLIC may create there; from 15 on it belongs to the database's owner anyway
    if (major < 15) await admin.query(`alter schema public owner to ${ROLE}`)
    const url = new URL(inRehearsal)
    url.username = ROLE
    url.password = password
    const byAdmin = admin
    return {
      url: url.href,
      admin,
      async withoutTriggers(work) {
        await byAdmin.query(`alter role ${ROLE} set session_replication_role = replica`)
        return await connected(url.href, async (client) => {
          await byAdmin.query(`alter role ${ROLE} reset session_replication_role`)
          return await work(client)
        })
      },
      async stop() {
        await byAdmin.end()
        await server.stop()
      },
    }
  } catch (error) {
    await admin?.end()
    await server.stop()
    throw error
  }
}

function setUp(major: number, password: string): string[] {
  return [
    // before 16, who may create roles may make itself a member of any
    `create role ${ROLE} login bypassrls ${major >= 16 ? 'createrole' : ''} password ${literal(password)}`,
    ...(major >= 16 ? [`alter role ${ROLE} set createrole_self_grant = 'set, inherit'`] : []),
    `create role ${EVERYBODY}`,
    `grant ${EVERYBODY}, pg_read_all_data, pg_write_all_data to ${ROLE}`,
    `create database ${DATABASE} template template0 owner ${ROLE}`,
    `grant create on database ${DATABASE} to ${EVERYBODY}`,
    // event triggers of the dump are none of its
    `alter role ${SUPERUSER} set session_replication_role = replica`,
  ]
}

/** Makes a role that a dump names, without rights of its own. */
export async function makeRole(admin: pg.ClientBase, name: string): Promise<void> {
  await admin.query(`create role ${id(name)}; grant ${id(name)} to ${ROLE}; grant ${EVERYBODY} to ${id(name)}`)
}

/** Who may use or create something does not matter. */
export async function openToEverybody(
  admin: pg.ClientBase,
  privileges: string,
  kind: string,
  name: string,
): Promise<void> {
  await admin.query(`grant ${privileges} on ${kind} ${id(name)} to ${EVERYBODY}`)
}

/** Connects for the time of some work. */
export async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
