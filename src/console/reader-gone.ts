type Stream = Pick<NodeJS.WriteStream, 'write' | 'on' | 'off' | 'listenerCount'>

/** What of ours is on its way, by stream. */
const underWay = new WeakMap<Stream, number>()

/**
 * Writes to a stream of the process. A reader that has seen enough (`| head`) must not end a run in its middle, as an error that
 * nobody handles would. That error alone is passed over, and while something of ours is on its way alone; once the reader
 * has gone, for good, since what ends the run would die of it when all is done. Every other error is as fatal as it would be without us.
 */
export function outlivingReader(stream: Stream, write: () => unknown): void {
  const before = underWay.get(stream) ?? 0
  underWay.set(stream, before + 1)
  if (before === 0) stream.on('error', passOver)
  try {
    write()
  } finally {
    // called when all has been written, or not, and before the error is told
    stream.write('', () => setImmediate(written, stream))
  }
}

function passOver(this: Stream, error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') gone.add(this)
  // who else listens is asked, as ever
  else if (this.listenerCount('error') === 1) throw error
}

/** Those whose reader has gone. */
const gone = new WeakSet<Stream>()

function written(stream: Stream): void {
  const left = (underWay.get(stream) ?? 1) - 1
  underWay.set(stream, left)
  if (left === 0 && !gone.has(stream)) stream.off('error', passOver)
}
