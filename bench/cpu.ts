import { readFileSync } from 'node:fs'

/** Linux counts a process's time in ticks of 10 ms. */
const TICK_MS = 10

/** The processor time of some processes, read as they go: what another program on the machine takes does not show in it. */
export class CpuTime {
  readonly #ofProcess = new Map<number, number>()

  look(pids: readonly number[]): void {
    for (const pid of pids) {
      const ms = read(pid)
      if (ms !== null) this.#ofProcess.set(pid, ms)
    }
  }

  /** null where the system does not tell. */
  get totalMs(): number | null {
    if (this.#ofProcess.size === 0) return null
    return [...this.#ofProcess.values()].reduce((sum, ms) => sum + ms, 0)
  }
}

function read(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    // the name, in parentheses, may hold blanks
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return null // not Linux, or it has just ended
  }
}
