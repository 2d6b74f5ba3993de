import type { CompiledQuery, LogEvent } from 'kysely'

/** Tells what a Kysely is asked while something is done that should ask it. */
export class QueryWatch {
  #queries: CompiledQuery[] | null = null

  /** The `log` of the Kysely that is watched. */
  readonly log = ({ query }: LogEvent): void => {
    this.#queries?.push(query)
  }

  /** What was asked stands in `queries` at once, so that it is told of work that fails, too. */
  async during<T>(queries: CompiledQuery[], work: () => Promise<T>): Promise<T> {
    this.#queries = queries
    try {
      return await work()
    } finally {
      this.#queries = null
    }
  }
}
