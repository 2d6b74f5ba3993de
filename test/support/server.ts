import type { TestProject } from 'vitest/node'
import { Cluster } from './cluster.ts'
import { findPgDump } from './pg-dump.ts'
import { startDocker } from './servers/docker.ts'
import { startEmbeddedServer } from './servers/embedded.ts'
import type { ServerKind, StartServer, TestServer } from './servers/server.ts'
import { useUrl } from './servers/url.ts'

/** What the tests learn about the server that the run started. */
export interface ServerInfo {
  /** The superuser's URL of a database that is not a test's. */
  readonly url: string
  readonly kind: ServerKind
  /** As `server_version_num`: 170010. */
  readonly versionNum: number
  /** What the name of every database of this run begins with. */
  readonly prefix: string
  /** How databases are copied, as an option of CREATE DATABASE. */
  readonly strategy: string
  /** Whether a pg_dump that this server lets in is on PATH. */
  readonly hasPgDump: boolean
}

declare module 'vitest' {
  interface ProvidedContext {
    server: ServerInfo
  }
}

const KINDS: Readonly<Record<ServerKind, StartServer>> = {
  url: useUrl,
  docker: startDocker,
  embedded: startEmbeddedServer,
}

/**
 * One PostgreSQL server for the whole run: the one of TEST_DATABASE_URL, else
 * one of Testcontainers, else an embedded one. TEST_POSTGRES=url|docker|embedded
 * asks for one of them and fails without it; TEST_POSTGRES_MAJOR chooses the
 * version of a server that is started.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { server, kind, passedOver } = await findServer()
  try {
    const cluster = await Cluster.prepare(server.url)
    const notes = passedOver.length > 0 ? ` (${passedOver.join('; ')})` : ''
    console.log(`PostgreSQL ${cluster.version}: ${server.description}${notes}`)
    const { versionNum, prefix, strategy } = cluster
    const hasPgDump = findPgDump(versionNum)
    project.provide('server', { url: server.url, kind, versionNum, prefix, strategy, hasPgDump })
    return async () => {
      await cluster.cleanUp()
      await server.stop()
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function findServer(): Promise<{ server: TestServer; kind: ServerKind; passedOver: string[] }> {
  const passedOver: string[] = []
  for (const kind of wantedKinds()) {
    try {
      return { server: await KINDS[kind](), kind, passedOver }
    } catch (error) {
      passedOver.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new Error(`no PostgreSQL server for the tests (${passedOver.join('; ')})`)
}

function wantedKinds(): readonly ServerKind[] {
  const wanted = process.env.TEST_POSTGRES
  const kinds = Object.keys(KINDS) as ServerKind[]
  if (!wanted) return kinds
  const kind = kinds.find((candidate) => candidate === wanted)
  if (!kind) throw new Error(`TEST_POSTGRES is ${wanted}, not one of ${kinds.join(', ')}`)
  return [kind]
}
