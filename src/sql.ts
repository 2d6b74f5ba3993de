import { PostgresQueryCompiler, createQueryId, sql, type RawBuilder } from 'kysely'

/** A schema and a name, neither quoted. */
export interface QualifiedName {
  readonly schema: string
  readonly name: string
}

const compiler = new PostgresQueryCompiler()

/** Renders a fragment without parameters as SQL text. */
export function render(fragment: RawBuilder<unknown>): string {
  const { sql: text, parameters } = compiler.compileQuery(fragment.toOperationNode(), createQueryId())
  if (parameters.length > 0) throw new Error(`a statement of a plan cannot have parameters: ${text}`)
  return text
}

/** A quoted identifier: `name`, or `schema.name`. */
export function id(...parts: readonly string[]): string {
  return render(sql.id(...parts))
}

/** `schema.name`, quoted. */
export const qualified = (object: QualifiedName): string => id(object.schema, object.name)

/** What stands for itself in a regular expression. */
export const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/**
 * A regular expression for a name as PostgreSQL prints it: quoted where it
 * must be, which depends on the key words of its version.
 */
export const asPrinted = (...parts: readonly string[]): string =>
  parts.map((part) => `(?:${escaped(part)}|${escaped(id(part))})`).join('[.]')

/**
 * A string literal that means the same whatever `standard_conforming_strings`
 * says: backslashes are written in an E'' string.
 */
export function literal(text: string): string {
  const body = text.replaceAll("'", "''")
  return body.includes('\\') ? `E'${body.replaceAll('\\', '\\\\')}'` : `'${body}'`
}

export const literalOrNull = (text: string | null): string => (text === null ? 'null' : literal(text))

/** Dollar-quotes a text with a tag that does not occur in it. */
export function dollarQuote(text: string, name = 'unship'): string {
  let tag = `$${name}$`
  for (let n = 1; text.includes(tag); n++) tag = `$${name}${String(n)}$`
  return `${tag}${text}${tag}`
}

const encoder = new TextEncoder()

/** An identifier's length as PostgreSQL counts it, in bytes; 63 are kept. */
export const byteLength = (text: string): number => encoder.encode(text).length
export const MAX_IDENTIFIER_BYTES = 63
