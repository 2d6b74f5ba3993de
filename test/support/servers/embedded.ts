import { startEmbedded } from '../../../demo/embedded.ts'
import { TEST_SETTINGS, wantedMajor, type TestServer } from './server.ts'

/**
 * glibc's settings, in bytes: unless told, a server process gives the memory of each query back to the kernel, and takes it
 * anew for the next one, which is up to a quarter of the time of those that read the catalog.
 */
const KEEP_MEMORY = {
  MALLOC_TOP_PAD_: '8388608',
  MALLOC_TRIM_THRESHOLD_: '67108864',
  MALLOC_MMAP_THRESHOLD_: '16777216',
}

/** A server from npm's binaries, for machines without Docker. */
export async function startEmbeddedServer(): Promise<TestServer> {
  Object.assign(process.env, KEEP_MEMORY) // which it inherits
  const major = wantedMajor()
  const server = await startEmbedded({ fast: true, settings: TEST_SETTINGS, ...(major !== undefined && { major }) })
  return { url: server.url, description: `embedded, port ${server.port}`, stop: () => server.stop() }
}
