import { startEmbedded } from './embedded.ts'

/*
 * A process of its own that keeps the demo's server running after the demo has
 * ended: it tells its parent where the server is, and stops it at SIGTERM.
 */

try {
  const server = await startEmbedded({ fast: true })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void server.stop().then(() => process.exit(0)))
  setInterval(() => undefined, 2 ** 30) // the server does not keep this process alive
  process.send?.({ url: server.url } satisfies KeeperMessage)
} catch (error) {
  process.send?.({ error: String(error) } satisfies KeeperMessage)
}
process.disconnect()

/** What the keeper tells its parent. */
export type KeeperMessage = { readonly url: string } | { readonly error: string }
