import type { ArgsDef } from 'citty'
import type { ExitCode } from './exit-codes.ts'
import type { Screen } from './screen.ts'

/** One command of `unship`. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly args: ArgsDef
  /** Command lines and what they do. */
  readonly examples: readonly (readonly [line: string, what: string])[]
  run(call: Call): Promise<ExitCode>
}

/** One call of a command: what the command line says, and where output goes. */
export interface Call {
  readonly args: Arguments
  readonly screen: Screen
}

export type Arguments = Readonly<Record<string, string | boolean | undefined>>

/** An argument that takes a text; undefined where it is not given. */
export function text(args: Arguments, name: string): string | undefined {
  const value = args[name]
  return typeof value === 'string' ? value : undefined
}

export const flag = (args: Arguments, name: string): boolean => args[name] === true

/** What every command understands. */
export const commonArgs = {
  config: {
    type: 'string',
    alias: 'c',
    valueHint: 'file',
    description: 'The kysely.config file; otherwise the nearest one, as kysely-ctl finds it',
  },
  environment: {
    type: 'string',
    alias: 'e',
    valueHint: 'name',
    description: 'Overrides of the configuration, and .env.<name>, for this environment',
  },
  json: { type: 'boolean', description: 'Print JSON, errors too' },
} as const satisfies ArgsDef

export const featureArg = {
  feature: {
    type: 'positional',
    required: false,
    description: 'A feature, or the migration that declares it; not needed where only one comes into question',
  },
} as const satisfies ArgsDef

/** For what is about the ledger alone. */
export const ledgerFeatureArg = {
  feature: {
    type: 'positional',
    required: false,
    description: 'A feature of the ledger; not needed where only one comes into question',
  },
} as const satisfies ArgsDef
