#!/usr/bin/env node
import { cli } from './cli.ts'
import { EXIT } from './exit-codes.ts'

const output = { failed: false }

/** What is under way goes on, as a removal that is taken back: it must not end in its middle because nobody can read of it. */
function outputFailed(this: NodeJS.WriteStream, { code = '', message }: NodeJS.ErrnoException): void {
  // a reader that has seen enough (`unship plan | head`) is no error
  if (code === 'EPIPE' || output.failed) return
  output.failed = true
  if (this === process.stdout) process.stderr.write(`ERROR:  the output could not be written: ${message}\n`)
}
process.stdout.on('error', outputFailed)
process.stderr.on('error', outputFailed)

const code = await cli(process.argv.slice(2))
// an error of a write is told in a later turn
await new Promise(setImmediate)
process.exitCode = code === EXIT.ok && output.failed ? EXIT.failed : code
