import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { abortRemoval, isUnshipError, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { runAgain, runHere } from './again.ts'
import { createPool } from '../support/connect.ts'
import { kysely, type Run } from '../support/kysely-ctl.ts'
import { ask, COMMANDS, copyDatabase, createCase, dropDatabase, settingsFor, type Command, type Lab } from './lab.ts'
import { differences, inObjects, readOutcome, withoutArchives } from './outcome.ts'
import { Proxy, type Position } from './proxy.ts'
import { wrongStatus } from './status.ts'
import { missingValues } from './values.ts'
import { hasBegun, wrongWords } from './words.ts'

/** How a run is interrupted: its process is killed, its backend ended, the server stopped. */
export type Way = 'kill' | 'terminate' | 'stop'

export interface Case {
  readonly command: Command
  readonly way: Way
  readonly position: Position
  /** Which of its statements. */
  readonly at: number
}

export interface Verdict {
  readonly case: Case
  /** False where the run had ended before that many statements. */
  readonly reached: boolean
  readonly statement: string
  /** Nothing, where all is well. */
  readonly problems: readonly string[]
}

export interface Interrupter {
  /** Stops the server at once. */
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
}

export const nameOf = ({ command, way, position, at }: Case) => `${command} ${way} ${position} ${String(at)}`

/** Breaks one run at one point, and looks whether everything can still be had, each way. */
export async function runCase(lab: Lab, broken: Case, server?: Interrupter): Promise<Verdict> {
  const name = `${lab.prefix}${nameOf(broken).replaceAll(' ', '_')}`
  await createCase(lab, name, broken.command)
  try {
    return await inTime(inDatabase(lab, broken, name, server))
  } catch (error) {
    const problem = `the case itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    return { case: broken, reached: true, statement: '', problems: [problem] }
  } finally {
    await dropDatabase(lab, name)
    await dropDatabase(lab, `${name}_back`)
  }
}

/** A case that hangs fails, and takes no others with it. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const limit = sleep(180_000, undefined, over).then(() => {
    throw new Error('it did not end in three minutes')
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    over.abort()
    limit.catch(() => undefined)
  }
}

/**
 * Each statement's effect is tried once where the server goes on and once where it recovers: after one there is what there
 * is before the next, and a session that is ended leaves what a killed client's does.
 */
const goesBack = ({ way, position, at }: Case) =>
  way === 'kill'
    ? position !== 'during'
    : way === 'stop' && (position === 'after' || (position === 'before' && at === 1))

async function inDatabase(lab: Lab, broken: Case, name: string, server: Interrupter | undefined): Promise<Verdict> {
  const { command, way, position } = broken
  const { run, statement, reached, at } = await interrupt(lab, broken, name, server)
  const problems: string[] = []
  const after = (what: string, found: readonly string[]) => {
    problems.push(...found.map((p) => `${what}: ${p}`))
  }
  if (!reached) {
    after('not reached', run.code === 0 ? [] : [`exit code ${String(run.code)}`])
  } else if (way !== 'kill') after('words', wrongWords(command, at, run))

  // a killed client's last statement may still be under way: the next run has to bear that
  if (position !== 'during') await sessionsGone(lab, name)
  after('at once', await missingValues(lab.url, name, lab.values))
  if (position !== 'during') after('status at once', await wrongStatus(lab, name))
  if (goesBack(broken)) await copyDatabase(lab, name, `${name}_back`)

  after('again', await runAgain(command, settingsFor(lab, name).DATABASE_URL, broken.at))
  await sessionsGone(lab, name)
  after('again', await missingValues(lab.url, name, lab.values))
  after('again', differences(lab.outcomes[command], await readOutcome(lab.url, name)))
  after('again', await wrongStatus(lab, name))

  if (goesBack(broken)) {
    const back = `${name}_back`
    after('the other way', await theOtherWay(lab, command, back))
    after('the other way', await missingValues(lab.url, back, lab.values))
    after('the other way', await wrongStatus(lab, back))
  }
  return { case: broken, reached, statement, problems }
}

/** Only a process can be killed; of the runs whose server goes, one in this many is a process too: starting it takes long. */
const PROCESS_EVERY = 8
const inProcess = ({ way, at }: Case) => way !== 'kill' && at % PROCESS_EVERY !== 0

/** Runs the command through a proxy and interrupts it at its statement. */
async function interrupt(lab: Lab, broken: Case, name: string, server: Interrupter | undefined) {
  const settings = settingsFor(lab, name)
  const proxy = await Proxy.listen(settings.DATABASE_URL, broken)
  try {
    let kill: () => void = () => undefined
    const through = proxy.through(settings.DATABASE_URL)
    const ending = inProcess(broken)
      ? runHere(broken.command, through)
      : kysely(
          COMMANDS[broken.command],
          { DATABASE_URL: through },
          { onStart: (child) => (kill = () => void child.kill('SIGKILL')) },
        )
    const stopped = await Promise.race([proxy.stopped, ending.then(() => null)])
    if (stopped) {
      if (broken.way === 'kill') kill()
      else if (broken.way === 'terminate')
        await ask(lab.url, undefined, `select pg_terminate_backend(${String(stopped.pid)}, 5000)`)
      else await server?.stop()
    }
    const run = await withinAMinute(ending, kill)
    if (stopped && broken.way === 'stop') await server?.start()
    const statement = stopped?.statement ?? ''
    // a statement that was let through may have ended before the interruption came
    const last = broken.position === 'during' ? (proxy.statements.at(-1) ?? '') : statement
    const at = { statement: last, begun: hasBegun(broken.command, proxy.statements) }
    return { run, reached: stopped !== null, statement, at }
  } finally {
    await proxy.close()
  }
}

async function withinAMinute(ending: Promise<Run>, kill: () => void): Promise<Run> {
  const timer = setTimeout(kill, 60_000)
  try {
    return await ending
  } finally {
    clearTimeout(timer)
  }
}

/** abortRemoval or a restore after a broken up, removeFeature after a broken down; says what differs then. */
async function theOtherWay(lab: Lab, command: Command, name: string): Promise<string[]> {
  const pool = createPool(settingsFor(lab, name).DATABASE_URL, 2)
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  try {
    if (command === 'down') await removeFeature(db, programPartner)
    else
      try {
        await abortRemoval(db, programPartner)
      } catch (error) {
        // it had not begun, or had ended
        if (!isUnshipError(error) || error.code !== 'nothing_to_abort') throw error
        await restoreFeature(db, programPartner)
      }
  } finally {
    await db.destroy()
  }
  await sessionsGone(lab, name)
  const { intact, up, down } = lab.outcomes
  const found = await readOutcome(lab.url, name)
  if (command === 'down') return inObjects(up, withoutArchives(found))
  // past its cut-over the removal was restored, before it was taken back
  const restored = Object.keys(found.rows).some((table) => table.startsWith('archive_'))
  return inObjects(restored ? down : intact, found)
}

/** Waits until only the harness is left in a database. */
async function sessionsGone(lab: Lab, database: string): Promise<void> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const left = await ask<{ session: string }>(
      lab.url,
      undefined,
      `select pid || ' ' || application_name || ': ' || query as session from pg_stat_activity where datname = '${database}'`,
    )
    if (left.length === 0) return
    if (Date.now() > deadline) throw new Error(`a session does not end: ${left.map((l) => l.session).join()}`)
    await sleep(20)
  }
}
