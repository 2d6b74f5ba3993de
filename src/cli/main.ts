#!/usr/bin/env node
import { cli } from './cli.ts'

// a reader that has seen enough (`unship plan | head`) is no error
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
process.exitCode = await cli(process.argv.slice(2))
