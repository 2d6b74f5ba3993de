import pg from 'pg'

/** The parts of a connection that differ from its URL. */
export interface Overrides {
  readonly database?: string
  readonly user?: string
  readonly password?: string
  readonly application_name?: string
}

/** The URL with another database, or as another role. */
export function urlWith(url: string, { database, user, password, application_name }: Overrides): string {
  const changed = new URL(url)
  if (database !== undefined) changed.pathname = `/${encodeURIComponent(database)}`
  if (user !== undefined) changed.username = encodeURIComponent(user)
  if (password !== undefined) changed.password = encodeURIComponent(password)
  if (application_name !== undefined) changed.searchParams.set('application_name', application_name)
  return changed.href
}

/** A connected client. Its end by the server is no error of the test's: its queries tell. */
export async function connectAs(url: string, overrides: Overrides = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: urlWith(url, overrides) })
  client.on('error', ignore)
  await client.connect()
  return client
}

/** A pool whose clients may be ended by the server, in use or not. */
export function createPool(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString, max, allowExitOnIdle: true })
  pool.on('error', ignore)
  pool.on('connect', (client) => client.on('error', ignore))
  return pool
}

const ignore = () => undefined

/** Has the pool's clients wait for `act` before they send a query. */
export function beforeQueries(pool: pg.Pool, act: (text: string) => Promise<unknown> | undefined): void {
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
    const late = async (...args: unknown[]) => {
      await act(textOf(args[0]))
      return await query(...args)
    }
    Object.assign(client, { query: late })
  })
}

const textOf = (query: unknown): string =>
  typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : String(query)
