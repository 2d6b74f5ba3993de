import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startEmbedded } from './embedded.ts'
import type { KeeperMessage } from './keeper.ts'

/** The server of a demo. */
export interface DemoServer {
  /** The superuser's. */
  readonly url: string
  stop(): Promise<void>
  /** The process that keeps it running when the demo has ended. */
  readonly keeper: number | null
}

/** Starts a server that ends with this process, or one that outlives it. */
export async function startServer({ keep }: { keep: boolean }): Promise<DemoServer> {
  if (keep) return await startKeptServer()
  const server = await startEmbedded({ fast: true })
  return { url: server.url, stop: () => server.stop(), keeper: null }
}

async function startKeptServer(): Promise<DemoServer> {
  const keeper = fork(fileURLToPath(new URL('keeper.ts', import.meta.url)), { detached: true, stdio: 'ignore' })
  const gone = once(keeper, 'exit')
  const [message] = (await Promise.race([
    once(keeper, 'message'),
    gone.then(() => [{ error: 'the process that keeps the server has ended' }]),
  ])) as [KeeperMessage]
  if ('error' in message) throw new Error(message.error)
  keeper.unref()
  return {
    url: message.url,
    keeper: keeper.pid ?? null,
    async stop() {
      keeper.ref()
      keeper.kill()
      await gone
    },
  }
}
