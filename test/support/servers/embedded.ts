import { startEmbedded } from '../../../demo/embedded.ts'
import { TEST_SETTINGS, wantedMajor, type TestServer } from './server.ts'

/** A server from npm's binaries, for machines without Docker. */
export async function startEmbeddedServer(): Promise<TestServer> {
  const major = wantedMajor()
  const server = await startEmbedded({ fast: true, settings: TEST_SETTINGS, ...(major !== undefined && { major }) })
  return { url: server.url, description: `embedded, port ${server.port}`, stop: () => server.stop() }
}
