import { UnshipError } from '../errors.ts'
import { parseName, parseSignature } from '../names.ts'
import type { FeatureDeclaration } from './declaration.ts'

type Field = keyof FeatureDeclaration
/** Checks a value, and gives it back as data of our own: what is asked again may answer otherwise, or be changed meanwhile. */
type Check<T = unknown> = (value: unknown, where: string, schema: string) => T

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

/**
 * A declaration as it is run and recorded: a copy, each part of it read once and checked for what the compiler cannot see.
 *
 * @param objects whether it has to name any; what the ledger knows is found by the feature's name alone
 */
export function checkedDeclaration(
  declaration: unknown,
  { objects }: { readonly objects: boolean },
): FeatureDeclaration {
  if (!isObject(declaration)) refuse('a feature is declared by an object', `It is ${describe(declaration)}.`)

  // what is inherited counts as declared
  const fields = new Set(['name', ...Object.keys(declaration), ...Object.keys(CHECKS)])
  const given = [...fields].map((field) => [field, declaration[field]] as const)
  const [schema = 'public'] = given.flatMap(([field, value]) =>
    field === 'schema' && typeof value === 'string' ? [value] : [],
  )
  const checked: Record<string, unknown> = {}
  for (const [field, value] of given) {
    const check = isField(field) ? CHECKS[field] : refuseField(field)
    if (field === 'name' || value !== undefined) checked[field] = check(value, `"${field}"`, schema)
  }

  if (objects) refuseEmpty(checked)
  refuseContradictions(checked, schema)
  return checked as unknown as FeatureDeclaration
}

/** The name of a feature of which no more is asked. */
export const checkedName = ({ name }: { readonly name: unknown }): string => checkText(name, '"name"')

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

function checkText(value: unknown, where: string): string {
  if (typeof value !== 'string') refuse(`${where} is not a string`, `It is ${describe(value)}.`)
  if (value.trim() === '') refuse(`${where} is empty`)
  checkCharacters(value, where)
  return value
}

function checkCharacters(text: string, where: string): void {
  if (text.includes('\0') || /\p{Surrogate}/u.test(text))
    refuse(`${where} has a character that no text in PostgreSQL can have`, `It is ${JSON.stringify(text)}.`)
}

/** Checks a list of names; `identity` tells which spellings mean the same. */
function checkNames(identity: (name: string, schema: string) => string): Check<string[]> {
  return (value, where, schema) => {
    if (!Array.isArray(value)) refuse(`${where} is not a list of names`, `It is ${describe(value)}.`)
    const names = Array.from(value, (name, index) => checkText(name, `${where}[${String(index)}]`))
    refuseDuplicates(names, where, (name) => identity(name, schema))
    return names
  }
}

/** Checks an object with `keys`, and each of its entries. */
function checkEntries<T>(
  value: unknown,
  where: string,
  keys: string,
  check: (entry: unknown, key: string) => T,
): Record<string, T> {
  if (!isRecord(value)) refuse(`${where} is not an object${keys}`, `It is ${describe(value)}.`)
  // a key may be __proto__, which assigning takes for something else
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, check(entry, key)]))
}

/** Checks a map by table, and what it holds for each with `check`. */
function checkByTable<T>(check: Check<T>): Check<Record<string, T | undefined>> {
  return (value, where, schema) => {
    const checked = checkEntries(value, where, ' with tables as keys', (entry, key) => {
      const table = checkText(key, `a table in ${where}`)
      return entry === undefined ? undefined : check(entry, `${where} of "${table}"`, schema)
    })
    refuseDuplicates(Object.keys(checked), where, (table) => qualified(table, schema))
    return checked
  }
}

function checkExpressions(value: unknown, where: string): Record<string, string> {
  return checkEntries(value, where, ' with columns as keys', (expression, column) => {
    checkCharacters(column, `a column in ${where}`)
    return checkText(expression, `${where}, column "${column}",`)
  })
}

function checkCounts(value: unknown, where: string, schema: string) {
  return checkEntries(value, where, ' with labels as keys', (count, label) => {
    // it is a key in the ledger, where it may be empty
    checkCharacters(label, `a label in ${where}`)
    const at = `${where}, "${label}",`
    return typeof count === 'string' ? checkText(count, at) : checkHostColumns(count, at, schema)
  })
}

/** Columns of one host table: rows of two tables are two counts. */
function checkHostColumns(value: unknown, where: string, schema: string) {
  const columns = checkByTable(checkNames(plain))(value, where, schema)
  const lists = Object.values(columns)
  if (lists.length !== 1 || lists[0]?.length === 0) {
    refuse(
      `${where} does not name the columns of one host table`,
      undefined,
      'Write a table, or columns of one table: { contacts: ["payment_method"] }.',
    )
  }
  return columns
}

const ACKNOWLEDGEMENTS: Readonly<Record<string, Check | undefined>> = {
  rewrites: checkByTable(checkNames(plain)),
  triggers: checkByTable(checkNames(plain)),
  eventTriggers: checkNames(plain),
  roles: checkNames(plain),
}

function checkAcknowledgement(value: unknown, where: string, schema: string) {
  return checkEntries(value, where, '', (entry, field) => {
    const check = ACKNOWLEDGEMENTS[field]
    if (!check) refuse(`"${field}" is not a field of ${where}`)
    return entry === undefined ? undefined : check(entry, `${where}, "${field}",`, schema)
  })
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
  return isObject(value) ? Object.values(value).flatMap(namesIn) : []
}

function isField(field: string): field is Field {
  return Object.hasOwn(CHECKS, field)
}

function refuseField(field: string): never {
  refuse(`"${field}" is not a field of a declaration`, `The fields are: ${Object.keys(CHECKS).join(', ')}.`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object whose entries are all that it holds: a Map, a Set or a Date has others, and would pass as empty. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (!isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // as everywhere but where it was made in another realm, that is Object.prototype
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  return typeof value === 'object' && kind !== 'Object' ? `a ${kind}` : `of type ${typeof value}`
}

function refuse(
  message: string,
  detail?: string,
  hint = 'Correct the declaration; nothing has been done with it.',
): never {
  throw new UnshipError({ code: 'invalid_declaration', message, detail, hint })
}
