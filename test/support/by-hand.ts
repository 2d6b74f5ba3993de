import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { TestDatabase } from './database.ts'

export const page = readFileSync(new URL('../../docs/restore-by-hand.md', import.meta.url), 'utf8')

/** The page's blocks of SQL, in their order. */
export const blocks = [...page.matchAll(/^```sql\n(-- name: (.*)\n[\s\S]*?)^```$/gm)].map(
  ([, sql = '', name = '']) => ({
    name,
    sql,
  }),
)

/** The whole page, for the removal of that number. */
export const script = (removal = 1): string =>
  blocks
    .map(({ sql }) => sql)
    .join('\n')
    .replace(/^\\set removal .*$/m, `\\set removal ${String(removal)}`)

/** As somebody who pastes the page into psql. */
export function psql(database: TestDatabase, sql: string): { out: string; failed: boolean } {
  try {
    const out = execFileSync('psql', ['-X', '-At', `--dbname=${database.ownerUrl}`], {
      input: sql,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    return { out, failed: false }
  } catch (error) {
    return { out: String((error as { stderr?: string }).stderr), failed: true }
  }
}

export function hasPsql(): boolean {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
