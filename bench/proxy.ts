import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy on loopback that makes the network slow. */
export interface DelayingProxy {
  readonly port: number
  /** What came from the server: rows that pass through the client show here. */
  readonly bytesFromServer: () => number
  close(): Promise<void>
}

/** Forwards to a server; each direction takes half of the round trip. */
export async function startProxy(
  target: { readonly host: string; readonly port: number },
  roundTripMs: number,
): Promise<DelayingProxy> {
  const sockets = new Set<Socket>()
  let fromServer = 0
  const server = createServer((client) => {
    const upstream = connect(target)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    upstream.on('data', (chunk) => (fromServer += chunk.length))
    forward(client, upstream, roundTripMs / 2)
    forward(upstream, client, roundTripMs / 2)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    bytesFromServer: () => fromServer,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function forward(from: Socket, to: Socket, delayMs: number): void {
  // timers of one length fire in the order in which they were set
  const later = (work: () => void) => void setTimeout(work, delayMs)
  from.on('data', (chunk) => later(() => to.write(chunk)))
  from.on('end', () => later(() => to.end()))
  from.on('close', () => later(() => to.destroy()))
}
