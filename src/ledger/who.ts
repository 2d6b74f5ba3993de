import { unlessEmpty, value, type Environment } from '../environment.ts'

/** What a caller says of itself. */
export interface Said {
  readonly actor?: string | undefined
  readonly reason?: string | undefined
}

/** Who, why and which build, for the ledger: by the options, or else by the pipeline's environment. */
export function whoAndWhy({ actor, reason }: Said, environment: Environment = process.env) {
  return {
    actor: kept(unlessEmpty(actor) ?? value(environment, 'UNSHIP_ACTOR', 'GITHUB_ACTOR')),
    reason: kept(unlessEmpty(reason) ?? value(environment, 'UNSHIP_REASON')),
    build: kept(value(environment, 'UNSHIP_BUILD', 'GITHUB_SHA', 'CI_COMMIT_SHA')),
  }
}

/** Half a character, as of a text that was cut, is none that PostgreSQL takes. */
const kept = (text: string | undefined): string | null => text?.replace(/\p{Surrogate}/gu, '\uFFFD') ?? null
