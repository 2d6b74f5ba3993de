import { UnshipError } from '../errors.ts'
import { parseName, parseSignature } from '../names.ts'
import type { FeatureDeclaration } from './declaration.ts'

type Field = keyof FeatureDeclaration
type Check = (value: unknown, where: string, schema: string) => void

/** One check for each field; a field without one does not compile. */
const CHECKS: Readonly<Record<Field, Check>> = {
  name: checkText,
  schema: checkText,
  tables: checkNames(qualified),
  columns: checkByTable(checkNames(plain)),
  views: checkNames(qualified),
  functions: checkNames(signature),
  indexes: checkNames(qualified),
  types: checkNames(qualified),
  sequences: checkNames(qualified),
  statistics: checkNames(qualified),
  constraints: checkByTable(checkNames(plain)),
  triggers: checkByTable(checkNames(plain)),
  policies: checkByTable(checkNames(plain)),
  rules: checkByTable(checkNames(plain)),
  counts: checkCounts,
  acknowledge: checkAcknowledgement,
  fill: checkByTable(checkExpressions),
}

/** The fields that name objects to remove. The others say how. */
const OBJECT_FIELDS = [
  'tables',
  'columns',
  'views',
  'functions',
  'indexes',
  'types',
  'sequences',
  'statistics',
  'constraints',
  'triggers',
  'policies',
  'rules',
] as const satisfies readonly Field[]

/** Refuses what the compiler cannot see in a declaration. */
export function validateDeclaration(declaration: unknown): void {
  if (!isRecord(declaration)) refuse('a feature is declared by an object', `It is ${describe(declaration)}.`)

  const schema = typeof declaration.schema === 'string' ? declaration.schema : 'public'
  for (const field of ['name', ...Object.keys(declaration)]) {
    const check = isField(field) ? CHECKS[field] : refuseField(field)
    if (field === 'name' || declaration[field] !== undefined) check(declaration[field], `"${field}"`, schema)
  }

  refuseEmpty(declaration)
  refuseContradictions(declaration, schema)
}

function refuseEmpty(declaration: Record<string, unknown>): void {
  if (OBJECT_FIELDS.some((field) => namesIn(declaration[field]).length > 0)) return
  refuse(
    `feature "${String(declaration.name)}" declares no objects`,
    `At least one of these is needed: ${OBJECT_FIELDS.join(', ')}.`,
  )
}

/** A relation is a table, or a view, or the host of columns: one of the three. */
function refuseContradictions(declaration: Record<string, unknown>, schema: string): void {
  const uses = [
    ...namesIn(declaration.tables).map((name) => ({ name, use: 'a table of the feature' })),
    ...namesIn(declaration.views).map((name) => ({ name, use: 'a view of the feature' })),
    ...Object.keys(declaration.columns ?? {}).map((name) => ({ name, use: 'a host table, which stays' })),
  ]
  const first = new Map<string, string>()
  for (const { name, use } of uses) {
    const before = first.get(qualified(name, schema))
    if (before !== undefined) refuse(`"${name}" is declared twice`, `It is ${before}, and also ${use}.`)
    first.set(qualified(name, schema), use)
  }
}

// --- checks of one field -----------------------------------------------------

function checkText(value: unknown, where: string): void {
  if (typeof value !== 'string') refuse(`${where} is not a string`, `It is ${describe(value)}.`)
  if (value.trim() === '') refuse(`${where} is empty`)
  if (value.includes('\0') || /\p{Surrogate}/u.test(value))
    refuse(`${where} has a character that no text in PostgreSQL can have`, `It is ${JSON.stringify(value)}.`)
}

/** Checks a list of names; `identity` tells which spellings mean the same. */
function checkNames(identity: (name: string, schema: string) => string): Check {
  return (value, where, schema) => {
    if (!Array.isArray(value)) refuse(`${where} is not a list of names`, `It is ${describe(value)}.`)
    for (const [index, name] of value.entries()) checkText(name, `${where}[${index}]`)
    refuseDuplicates(value as string[], where, (name) => identity(name, schema))
  }
}

/** Checks a map by table, and what it holds for each with `check`. */
function checkByTable(check: Check): Check {
  return (value, where, schema) => {
    if (!isRecord(value)) refuse(`${where} is not an object with tables as keys`, `It is ${describe(value)}.`)
    refuseDuplicates(Object.keys(value), where, (table) => qualified(table, schema))
    for (const [table, entry] of Object.entries(value)) {
      checkText(table, `a table in ${where}`)
      if (entry !== undefined) check(entry, `${where} of "${table}"`, schema)
    }
  }
}

function checkExpressions(value: unknown, where: string): void {
  if (!isRecord(value)) refuse(`${where} is not an object with columns as keys`, `It is ${describe(value)}.`)
  for (const [column, expression] of Object.entries(value)) checkText(expression, `${where}, column "${column}",`)
}

function checkCounts(value: unknown, where: string, schema: string): void {
  if (!isRecord(value)) refuse(`${where} is not an object with labels as keys`, `It is ${describe(value)}.`)
  for (const [label, count] of Object.entries(value)) {
    const at = `${where}, "${label}",`
    if (typeof count === 'string') checkText(count, at)
    else checkHostColumns(count, at, schema)
  }
}

/** Columns of one host table: rows of two tables are two counts. */
function checkHostColumns(value: unknown, where: string, schema: string): void {
  checkByTable(checkNames(plain))(value, where, schema)
  const lists = Object.values(value as Record<string, readonly string[]>)
  if (lists.length !== 1 || lists[0]?.length === 0) {
    refuse(
      `${where} does not name the columns of one host table`,
      undefined,
      'Write a table, or columns of one table: { contacts: ["payment_method"] }.',
    )
  }
}

const ACKNOWLEDGEMENTS: Readonly<Record<string, Check | undefined>> = {
  rewrites: checkByTable(checkNames(plain)),
  triggers: checkByTable(checkNames(plain)),
  eventTriggers: checkNames(plain),
}

function checkAcknowledgement(value: unknown, where: string, schema: string): void {
  if (!isRecord(value)) refuse(`${where} is not an object`, `It is ${describe(value)}.`)
  for (const [field, entry] of Object.entries(value)) {
    const check = ACKNOWLEDGEMENTS[field]
    if (!check) refuse(`"${field}" is not a field of ${where}`)
    if (entry !== undefined) check(entry, `${where}, "${field}",`, schema)
  }
}

// --- what two spellings have in common ---------------------------------------

function plain(name: string): string {
  return name
}

function qualified(name: string, schema: string): string {
  const parsed = parseName(name, schema)
  return JSON.stringify([parsed.schema, parsed.name])
}

function signature(text: string, schema: string): string {
  const { name, argumentTypes } = parseSignature(text)
  return JSON.stringify([qualified(name, schema), argumentTypes])
}

// --- small parts -------------------------------------------------------------

function refuseDuplicates(names: readonly string[], where: string, identity: (name: string) => string): void {
  const first = new Map<string, string>()
  for (const name of names) {
    const before = first.get(identity(name))
    if (before !== undefined) {
      refuse(`${where} lists "${name}" twice`, before === name ? undefined : `"${before}" means the same.`)
    }
    first.set(identity(name), name)
  }
}

/** The names in a list, or in the lists of a map by table. */
function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value as string[]
  return isRecord(value) ? Object.values(value).flatMap(namesIn) : []
}

function isField(field: string): field is Field {
  return Object.hasOwn(CHECKS, field)
}

function refuseField(field: string): never {
  refuse(`"${field}" is not a field of a declaration`, `The fields are: ${Object.keys(CHECKS).join(', ')}.`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'a list' : `of type ${typeof value}`
}

function refuse(
  message: string,
  detail?: string,
  hint = 'Correct the declaration; nothing has been done with it.',
): never {
  throw new UnshipError({ code: 'invalid_declaration', message, detail, hint })
}
