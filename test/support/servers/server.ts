/** Where a test server can come from, in order of preference. */
export type ServerKind = 'url' | 'docker' | 'embedded'

/** A server that answers, and what ends it. */
export interface TestServer {
  /** The superuser's URL of a database that is not a test's. */
  readonly url: string
  /** What the run prints about it. */
  readonly description: string
  stop(): Promise<void>
}

/** Starts a server of one kind, or throws why there is none. */
export type StartServer = () => Promise<TestServer>

/** What every server that is started for the tests is set to. */
export const TEST_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  max_prepared_transactions: '10',
  wal_level: 'logical',
}

/** The major that TEST_POSTGRES_MAJOR asks for. */
export function wantedMajor(): number | undefined {
  const major = process.env.TEST_POSTGRES_MAJOR
  if (!major) return undefined
  if (!/^\d+$/.test(major)) throw new Error(`TEST_POSTGRES_MAJOR is ${major}, not a number`)
  return Number(major)
}
