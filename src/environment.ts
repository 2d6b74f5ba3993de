export type Environment = Readonly<Record<string, string | undefined>>

/** Pipelines hand on missing secrets as empty variables. */
export function unlessEmpty(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}

/** The first of these variables that is set. */
export function value(environment: Environment, ...names: readonly string[]): string | undefined {
  return names.map((name) => unlessEmpty(environment[name])).find((text) => text !== undefined)
}
