import { parseArgs } from 'node:util'
import { scales, type Scale } from './scales.ts'

export const scenarios = ['pairs', 'idle-reader', 'ten-readers', 'proxy'] as const
export type Scenario = (typeof scenarios)[number]

/** What one call of the benchmark measures. */
export interface BenchOptions {
  readonly scales: readonly Scale[]
  readonly scenarios: readonly Scenario[]
  /** Plain script and product, one after the other, so often. */
  readonly pairs: number
  /** Only the product: no plain script beside it. */
  readonly productOnly: boolean
  /** How long clients are watched before each command, with nothing else going on. */
  readonly floorMs: number
  /** How long a reader sits idle in its transaction. */
  readonly idleMs: number
  /** Round trip that the proxy adds. */
  readonly roundTripMs: number
  readonly major: number | undefined
  readonly json: string | undefined
  readonly plot: string | undefined
}

const help = `npm run bench -- [options]

Removes and restores the program partner feature with \`kysely migrate:latest\` and \`migrate:down\`, and with a plain
script in one transaction (plain-remove.sql, plain-restore.sql), each on a fresh copy of the same data, in alternating
pairs, while 8 clients make 400 short transactions a second in all. Starts a PostgreSQL server of its own on loopback,
with fsync on, and removes it with all data at the end.

  --scale NAME       ${Object.keys(scales).join(', ')}; several with commas (default 2M)
  --scenario NAME    several with commas (default pairs)
                       pairs        plain script and product in turn
                       idle-reader  product only, while a reader of contacts sits idle in its transaction
                       ten-readers  the same with ten such readers, one after the other
                       proxy        product only, with and without a proxy that delays each round trip
  --pairs N          pairs per scale (default 3)
  --product-only     leaves the plain script out
  --floor SECONDS    how long the clients are watched without a command, before each (default 15)
  --idle SECONDS     how long an idle reader stays (default 20)
  --round-trip MS    what the proxy adds (default 20)
  --major N          PostgreSQL major of the embedded server, where its package is installed
  --json FILE        all figures (default bench/results/<time>.json; \`-\` for none)
  --plot FILE        waits over time, plain script beside product, as SVG
  --quick            guide and 100k, one pair each, a reader of 3 s, the proxy; under 3 minutes
  --help

Longest waits count from the moment at which a client should have begun, so that a client that is held up hides nothing.
The noise floor is the longest wait in windows as long as the command, with no command running.
Lock hold is what the product measured on the server, and for the plain script the time from its first blocking
statement to its commit.`

/** Reads the arguments; prints the help where asked. */
export function readOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scale: { type: 'string' },
      scenario: { type: 'string' },
      pairs: { type: 'string' },
      'product-only': { type: 'boolean', default: false },
      floor: { type: 'string' },
      idle: { type: 'string' },
      'round-trip': { type: 'string' },
      major: { type: 'string' },
      json: { type: 'string' },
      plot: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(help)
    return null
  }
  const quick = values.quick
  const chosen = (values.scale ?? (quick ? 'guide,100k' : '2M')).split(',')
  const wanted = (values.scenario ?? (quick ? 'pairs,idle-reader,proxy' : 'pairs')).split(',')
  return {
    scales: chosen.map((name) => scales[name] ?? unknown('scale', name, Object.keys(scales))),
    scenarios: wanted.map((name) => scenarios.find((s) => s === name) ?? unknown('scenario', name, scenarios)),
    pairs: positive('pairs', values.pairs, quick ? 1 : 3),
    productOnly: values['product-only'],
    floorMs: 1000 * positive('floor', values.floor, quick ? 4 : 15),
    idleMs: 1000 * positive('idle', values.idle, quick ? 3 : 20),
    roundTripMs: positive('round-trip', values['round-trip'], 20),
    major: values.major === undefined ? undefined : positive('major', values.major, 0),
    json: values.json,
    plot: values.plot,
  }
}

function positive(name: string, value: string | undefined, fallback: number): number {
  if (value === undefined) return fallback
  const number = Number(value)
  if (!(number > 0)) throw new Error(`--${name} takes a positive number, not ${value}`)
  return number
}

function unknown(what: string, name: string, known: readonly string[]): never {
  throw new Error(`unknown ${what} ${name}; there are ${known.join(', ')}`)
}
