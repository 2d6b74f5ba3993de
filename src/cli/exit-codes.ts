/** How the command ends, for pipelines. Documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** It was refused, or failed. */
  failed: 1,
  /** The command line is wrong: an unknown command or option, or it is not clear which feature is meant. */
  usage: 2,
  /** `plan --check`: the database no longer matches the plan. */
  planChanged: 3,
  /** `verify` found something broken. */
  notHealthy: 4,
  /** `rehearse`: the restore was not exact, or it was not proven. */
  notProven: 5,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
