/** One message of PostgreSQL's protocol; the start-up packet has no type. */
export interface Message {
  readonly type: string
  readonly bytes: Buffer
}

type Receiver = (chunk: Buffer) => void

/** Cuts what a client sends into messages. */
export const frontendMessages = (receive: (message: Message) => void): Receiver => cut(receive, true)

/** Cuts what a server sends into messages. */
export const backendMessages = (receive: (message: Message) => void): Receiver => cut(receive, false)

function cut(receive: (message: Message) => void, startsUp: boolean): Receiver {
  let buffer: Buffer = Buffer.alloc(0)
  let untyped = startsUp
  return (chunk) => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk])
    for (;;) {
      const head = untyped ? 0 : 1
      if (buffer.length < head + 4) return
      const length = head + buffer.readUInt32BE(head)
      if (buffer.length < length) return
      const bytes = buffer.subarray(0, length)
      buffer = buffer.subarray(length)
      const type = untyped ? '' : String.fromCharCode(bytes.readUInt8(0))
      untyped = false
      receive({ type, bytes })
    }
  }
}

/** The SQL of a Query or Parse message. */
export function firstText({ type, bytes }: Message): string | null {
  if (type !== 'Q' && type !== 'P') return null
  const strings = bytes.toString('utf8', 5).split('\0')
  return (type === 'Q' ? strings[0] : strings[1]) ?? null
}
