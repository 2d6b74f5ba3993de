import { readFile } from 'node:fs/promises'
import pg from 'pg'

/*
 * A process of its own that runs one plain script, a statement at a time, as psql would, and prints how long it held
 * locks that others wait for. `node bench/plain.ts <file>`, the database in DATABASE_URL.
 */

/** The first statement of these takes a lock that others wait for, and keeps it until the commit. */
const BLOCKING =
  /^(alter table|drop (index|table|view|trigger)|create (index|trigger)|create table \w+ \([^;]*references)/i

const [file = ''] = process.argv.slice(2)
const script = (await readFile(file, 'utf8')).replace(/^--.*$/gm, '')
const client = new pg.Client({ connectionString: process.env.DATABASE_URL, application_name: 'plain script' })
await client.connect()
let lockedAt: number | null = null
try {
  for (const statement of statements(script)) {
    const started = performance.now()
    await client.query(statement)
    // the time that it waited for its lock is not time that it held it
    if (lockedAt === null && BLOCKING.test(statement)) lockedAt = Math.max(started, performance.now() - 1)
  }
  console.log(JSON.stringify({ lockHeldMs: lockedAt === null ? 0 : performance.now() - lockedAt }))
} finally {
  await client.end()
}

/** Splits at semicolons outside of dollar quotes. */
function statements(text: string): string[] {
  const all: string[] = []
  let current = ''
  text.split('$$').forEach((part, n) => {
    if (n % 2 === 1) {
      current += `$$${part}$$`
      return
    }
    const pieces = part.split(';')
    pieces.forEach((piece, i) => {
      current += piece
      if (i === pieces.length - 1) return
      if (current.trim() !== '') all.push(current.trim())
      current = ''
    })
  })
  return all
}
