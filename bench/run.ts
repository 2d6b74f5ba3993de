import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { Measurement } from './measure.ts'
import { readOptions, type BenchOptions } from './options.ts'
import { plot } from './plot.ts'
import { runScenario } from './scenarios.ts'
import { BenchServer } from './server.ts'
import { line, phaseLine, tables } from './tell.ts'

/*
 * `npm run bench`: removal and restore under load, beside the plain script. `-- --help` says what it takes.
 */

const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort())

process.exitCode = await main()

async function main(): Promise<number> {
  let options: BenchOptions | null
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return 2
  }
  if (options === null) return 0
  const { signal } = interrupt
  const all: Measurement[] = []
  let server: BenchServer | undefined
  try {
    server = await BenchServer.start(options.major)
    const machine = describeMachine(server.version)
    console.log(`${machine}\n`)
    for (const scale of options.scales) {
      console.log(
        `${scale.name}: ${String(scale.contacts)} contacts, ${String(scale.partners)} partners, ${String(scale.audit)} audit rows, ${String(scale.subscriptions)} subscriptions`,
      )
      const template = await server.createTemplate(scale)
      const tell = (measured: Measurement) => {
        all.push(measured)
        console.log(line(measured))
        if (measured.phases.length > 0) console.log(phaseLine(measured))
        if (!measured.ok) console.log(excerpt(measured))
      }
      for (const scenario of options.scenarios)
        await runScenario({ server, scale, template, options, signal, tell }, scenario)
      await server.drop({ name: template })
    }
    console.log(`\n${tables(all)}`)
    await save(options, machine, all)
    return all.every((m) => m.ok || m.contender === 'plain') ? 0 : 1
  } catch (error) {
    if (signal.aborted) return 130
    console.error(error)
    return 1
  } finally {
    await server?.stop()
  }
}

/** Of the plain script's error, what it is; of the product's, all that it said last. */
function excerpt({ contender, output }: Measurement): string {
  const lines = output.split('\n')
  return contender === 'plain'
    ? `        ${lines.find((l) => l.includes('rror: ')) ?? output}`
    : lines.slice(-25).join('\n')
}

function describeMachine(version: string): string {
  const [cpu] = cpus()
  return `PostgreSQL ${version}, Node ${process.version}, ${String(cpus().length)} x ${cpu?.model ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, ${new Date().toISOString()}`
}

async function save(options: BenchOptions, machine: string, all: readonly Measurement[]): Promise<void> {
  const json = options.json ?? `bench/results/${new Date().toISOString().replace(/[:.]/g, '-')}.json`
  if (json !== '-') {
    await mkdir(dirname(json), { recursive: true })
    // the waits one by one are for the plot; the output is shown where a run fails
    const measurements = all.map((m) => ({ ...m, waits: undefined, output: undefined }))
    await writeFile(json, `${JSON.stringify({ machine, options, measurements }, null, 2)}\n`)
    console.log(`\nAll figures: ${json}`)
  }
  if (options.plot !== undefined) {
    await writeFile(options.plot, plot(all, machine))
    console.log(`Plot: ${options.plot}`)
  }
}
