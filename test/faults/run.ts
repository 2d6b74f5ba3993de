import { availableParallelism } from 'node:os'
import { Cluster } from '../support/cluster.ts'
import { nameOf, runCase, type Case, type Interrupter, type Verdict, type Way } from './case.ts'
import { prepareLab, type Command, type Lab } from './lab.ts'
import { startOwnServer } from './own-server.ts'
import type { Position } from './proxy.ts'

const JOBS = Math.min(8, availableParallelism() + 1)

const HELP = `npm run test:faults -- [options]

Breaks a removal and a restore of the demo's feature at every statement that they send, then looks whether all data
is there, what the status says, and whether the same command again, and the other way, end as if nothing had been.

  --command up,down                 what is broken: migrate:latest, migrate:down
  --way kill,terminate,stop         the client killed, its session terminated, the server stopped at once
  --position before,during,after    where, seen from the statement
  --at 1,5-9                        only at these statements
  --every 3                         only every third case
  --jobs ${String(JOBS)}                          so many at a time; more than there are processors, for they wait a lot
  --help                            this

Kills and terminates on TEST_DATABASE_URL where that is set (with pg_dump as new as the server, dumps are compared),
else on a server of its own, as stops always are. Exits with 1 where a case failed.`

if (process.argv.includes('--help')) {
  console.log(HELP)
  process.exit()
}

const options = readOptions(process.argv.slice(2))
const started = performance.now()
const verdicts: Verdict[] = []

const ways = options.list<Way>('way', ['kill', 'terminate', 'stop'])
const jobs = Number(options.one('jobs', String(JOBS)))
const ownWays = ways.filter((way) => way !== 'stop')
if (ownWays.length > 0) await onOneServer(ownWays)
if (ways.includes('stop')) await Promise.all(Array.from({ length: jobs }, (_, n) => onOwnServer(n)))
report()

/** Kills and terminates, several at a time, on one server. */
async function onOneServer(kinds: Way[]): Promise<void> {
  const given = process.env.TEST_DATABASE_URL
  const own = given === undefined ? await startOwnServer() : undefined
  await inLab(own?.url ?? given ?? '', async (lab) => {
    const cases = casesOf(lab, kinds)
    const work = async () => {
      for (let next = cases.shift(); next; next = cases.shift()) tell(await runCase(lab, next))
    }
    await Promise.all(Array.from({ length: jobs }, work))
  })
  await own?.remove()
}

/** Server stops: each job has a server of its own, and every `jobs`-th case. */
async function onOwnServer(job: number): Promise<void> {
  const server = await startOwnServer()
  const interrupter: Interrupter = { stop: server.crash, start: server.start }
  try {
    const { prefix } = await Cluster.prepare(server.url)
    const lab = await prepareLab({ url: server.url, prefix })
    for (const next of casesOf(lab, ['stop']).filter((_, n) => n % jobs === job))
      tell(await runCase(lab, next, interrupter))
  } finally {
    await server.remove()
  }
}

async function inLab(url: string, work: (lab: Lab) => Promise<void>): Promise<void> {
  const cluster = await Cluster.prepare(url)
  try {
    await work(await prepareLab({ url, prefix: cluster.prefix }))
  } finally {
    await cluster.cleanUp()
  }
}

/** A process that is killed after a statement leaves what one leaves that is killed before the next. */
function sameAsNext(lab: Lab, c: Case): boolean {
  return c.way === 'kill' && c.position === 'after' && c.at < lab.statements[c.command].length
}

function casesOf(lab: Lab, kinds: readonly Way[]): Case[] {
  const cases = options
    .list<Command>('command', ['up', 'down'])
    .flatMap((command) =>
      kinds.flatMap((way) =>
        options.list<Position>('position', ['before', 'during', 'after']).flatMap((position) =>
          Array.from({ length: lab.statements[command].length }, (_, n): Case => ({
            command,
            way,
            position,
            at: n + 1,
          })),
        ),
      ),
    )
    .filter((c) => !sameAsNext(lab, c))
  const every = Number(options.one('every', '1'))
  return cases.filter((c) => options.chosen(c.at)).filter((_, n) => n % every === 0)
}

function tell(verdict: Verdict): void {
  verdicts.push(verdict)
  if (verdict.problems.length > 0)
    console.log(
      `FAILED ${nameOf(verdict.case)} (${verdict.statement.replace(/\s+/g, ' ').slice(0, 100)})\n  ${verdict.problems.join('\n  ')}`,
    )
  else if (verdicts.length % 50 === 0) console.log(`${String(verdicts.length)} done`)
}

function report(): void {
  const failed = verdicts.filter((v) => v.problems.length > 0)
  const groupOf = ({ case: c }: Verdict) => `${c.command} ${c.way} ${c.position}`
  for (const group of new Set(verdicts.map(groupOf))) {
    const members = verdicts.filter((v) => groupOf(v) === group)
    console.log(
      `${group}: ${String(members.length)} run, ${String(members.filter((v) => v.reached).length)} reached their statement, ${String(members.filter((v) => v.problems.length > 0).length)} failed`,
    )
  }
  console.log(
    `${String(verdicts.length)} runs broken, ${String(failed.length)} failed, in ${((performance.now() - started) / 60_000).toFixed(1)} min`,
  )
  process.exitCode = failed.length > 0 || verdicts.length === 0 ? 1 : 0
}

function readOptions(args: readonly string[]) {
  const one = (name: string, fallback: string) => {
    const at = args.indexOf(`--${name}`)
    return at < 0 ? fallback : (args[at + 1] ?? '')
  }
  const known = /^--(command|way|position|at|every|jobs)$/
  const unknown = args.filter((arg, n) => n % 2 === 0 && !known.test(arg))
  if (unknown.length > 0 || args.length % 2 > 0) throw new Error(`${args.join(' ')}: see --help`)
  const ranges = one('at', '').split(',').filter(Boolean)
  return {
    one,
    list: <T extends string>(name: string, all: readonly T[]): T[] => {
      const wanted = one(name, all.join()).split(',')
      const unknown = wanted.filter((w) => !all.includes(w as T))
      if (unknown.length > 0) throw new Error(`--${name}: ${unknown.join()} is not one of ${all.join()}`)
      return wanted as T[]
    },
    chosen: (n: number): boolean =>
      ranges.length === 0 ||
      ranges.some((range) => {
        const [from = 0, to = from] = range.split('-').map(Number)
        return n >= from && n <= to
      }),
  }
}
