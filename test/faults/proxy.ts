import { once } from 'node:events'
import net from 'node:net'
import { backendMessages, firstText, frontendMessages, type Message } from './wire.ts'

/** Where, seen from one statement, a run is interrupted. */
export type Position =
  /** The server never gets it. */
  | 'before'
  /** The server has just got it. */
  | 'during'
  /** The server has carried it out, and the client does not know yet. */
  | 'after'

/** The statement that a proxy stops at: the `at`-th of all its connections, or the first with such a text. */
export interface Stop {
  readonly at: number | RegExp
  readonly position: Position
}

/** The backend whose statement was stopped at. */
export interface Stopped {
  readonly pid: number
  readonly statement: string
}

/**
 * Stands between a client and a server and counts statements, without the client's
 * doing: a simple query is one, and so is an extended one up to its Sync. Stops at one of them.
 */
export class Proxy {
  /** What came through, in order, and what it was stopped at. */
  readonly statements: string[] = []
  /** Settles when the statement is reached. */
  readonly stopped: Promise<Stopped>
  readonly #stop: Stop | undefined
  readonly #target: { host: string; port: number }
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  #reached: (stopped: Stopped) => void = () => undefined

  private constructor(target: { host: string; port: number }, stop: Stop | undefined) {
    this.#target = target
    this.#stop = stop
    this.stopped = new Promise((resolve) => {
      this.#reached = resolve
    })
    this.#server = net.createServer((client) => {
      this.#relay(client)
    })
  }

  static async listen(url: string, stop?: Stop): Promise<Proxy> {
    const { hostname, port } = new URL(url)
    const proxy = new Proxy({ host: hostname, port: Number(port) }, stop)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** The same URL, through the proxy. */
  through(url: string): string {
    const changed = new URL(url)
    changed.hostname = '127.0.0.1'
    changed.port = String((this.#server.address() as net.AddressInfo).port)
    return changed.href
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #relay(client: net.Socket): void {
    const server = net.connect(this.#target)
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      // a broken connection is what this is for; its other side sees it end
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.end()
      })
    }

    let pid = 0
    let unit: Message[] = []
    let holding = false // what the client sends
    let swallowing = false // what the server answers
    let stoppedAt = ''
    const reached = () => {
      this.#reached({ pid, statement: stoppedAt })
    }

    const pass = (messages: readonly Message[]) => {
      const statement = messages.map(firstText).find((text) => text !== null) ?? ''
      this.statements.push(statement)
      const at = this.#stop?.at
      const here = at instanceof RegExp ? stoppedAt === '' && at.test(statement) : at === this.statements.length
      const stop = this.#stop && here ? this.#stop.position : null
      if (stop !== null) stoppedAt = statement
      if (stop === 'before') holding = true
      else for (const { bytes } of messages) server.write(bytes)
      if (stop === 'after') swallowing = true
      else if (stop !== null) reached()
    }
    client.on(
      'data',
      frontendMessages((message) => {
        if (holding) return
        if (message.type === 'Q') pass([message])
        else if (/^[PBDECHS]$/.test(message.type)) {
          unit.push(message)
          if (message.type !== 'S') return
          pass(unit)
          unit = []
        } else server.write(message.bytes)
      }),
    )
    server.on(
      'data',
      backendMessages((message) => {
        if (message.type === 'K') pid = message.bytes.readUInt32BE(5)
        if (!swallowing) client.write(message.bytes)
        else if (message.type === 'Z') {
          swallowing = false
          reached()
        }
      }),
    )
  }
}
