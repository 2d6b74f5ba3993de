import { execFileSync } from 'node:child_process'

const SCRIPT = `
  import pg from 'pg'
  const client = new pg.Client(process.env.SQL_URL)
  await client.connect()
  const results = [await client.query(process.env.SQL)].flat()
  console.log(JSON.stringify(results.at(-1).rows))
  await client.end()`

/** Runs SQL, and gives the last statement's rows, on a connection of its own while this process stands still, so that what comes next finds it done. */
export function queryAtOnce(url: string, sql: string): unknown[] {
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    env: { ...process.env, SQL_URL: url, SQL: sql },
    encoding: 'utf8',
  })
  return JSON.parse(output) as unknown[]
}
