import { once } from 'node:events'
import net from 'node:net'
import pg from 'pg'
import { backendMessages, frontendMessages, type Message } from './wire.ts'

/** A session with the server that belongs to whoever has a transaction under way. */
interface Session {
  readonly socket: net.Socket
  client: net.Socket | undefined
  release: () => void
}

interface Pooler {
  readonly url: string
  /** From now on each transaction gets another session than the last one. */
  readonly rotate: () => void
  readonly close: () => Promise<void>
}

/** A pooler in transaction mode, as pgbouncer is: the session that was free last is handed out next. */
export async function startPooler(url: string, size = 3): Promise<Pooler> {
  const idle: Session[] = []
  let rotates = false
  const waiting: ((session: Session) => void)[] = []
  const clients: pg.Client[] = []
  for (let n = 0; n < size; n++) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    clients.push(client)
    // signed in by pg, then used as it is
    const socket = (client as unknown as { connection: { stream: net.Socket } }).connection.stream
    socket.removeAllListeners('data')
    const session: Session = { socket, client: undefined, release: () => undefined }
    socket.on(
      'data',
      backendMessages(({ type, bytes }) => {
        session.client?.write(bytes)
        if (type !== 'Z' || bytes.toString('latin1', 5) !== 'I') return
        session.client = undefined
        session.release()
        const next = waiting.shift()
        if (next) next(session)
        else idle.push(session)
      }),
    )
    idle.push(session)
  }

  const sockets = new Set<net.Socket>()
  const server = net.createServer((client) => {
    sockets.add(client)
    client.on('error', () => undefined)
    let mine: Session | undefined
    let wanted = false
    let unsent: Message[] = []
    const use = (session: Session) => {
      wanted = false
      mine = session
      session.client = client
      session.release = () => {
        mine = undefined
      }
      for (const { bytes } of unsent) session.socket.write(bytes)
      unsent = []
    }
    client.on(
      'data',
      frontendMessages((message) => {
        if (message.type === '') client.write(welcome())
        else if (message.type === 'X') client.end()
        else if (mine) mine.socket.write(message.bytes)
        else {
          unsent.push(message)
          if (wanted) return
          wanted = true
          const free = rotates ? idle.shift() : idle.pop()
          if (free) use(free)
          else waiting.push(use)
        }
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const through = new URL(url)
  through.hostname = '127.0.0.1'
  through.port = String((server.address() as net.AddressInfo).port)
  return {
    url: through.href,
    rotate() {
      rotates = true
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      for (const client of clients) client.end().catch(() => undefined)
      for (const client of clients)
        (client as unknown as { connection: { stream: net.Socket } }).connection.stream.destroy()
      await once(server, 'close')
    },
  }
}

/** Signed in; a process id of the pooler's own; ready. */
function welcome(): Buffer {
  const message = (type: string, ...words: number[]) => {
    const bytes = Buffer.alloc(5 + 4 * words.length)
    bytes.write(type)
    bytes.writeUInt32BE(4 + 4 * words.length, 1)
    words.forEach((word, n) => bytes.writeUInt32BE(word, 5 + 4 * n))
    return bytes
  }
  const ready = Buffer.from([...Buffer.from('Z'), 0, 0, 0, 5, ...Buffer.from('I')])
  return Buffer.concat([message('R', 0), message('K', 4_000_000_001, 1), ready])
}
