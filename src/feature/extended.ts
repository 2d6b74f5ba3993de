import type { Suggestion } from '../errors.ts'
import type { FeatureDeclaration } from './declaration.ts'

/** A declaration with what a refusal suggests added to it. */
export const extended = (declaration: FeatureDeclaration, suggestion: Suggestion): FeatureDeclaration =>
  merged(declaration, suggestion)

/** Two objects as one: lists, at whatever depth, are joined. */
export function merged<T extends object>(one: T, other: object): T {
  const all = { ...one } as Record<string, unknown>
  for (const [field, more] of Object.entries(other)) {
    const before = all[field]
    if (isList(before) && isList(more)) all[field] = [...new Set([...before, ...more])]
    else if (isObject(before) && isObject(more)) all[field] = merged(before, more)
    else all[field] = more
  }
  return all as T
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
