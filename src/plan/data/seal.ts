import { id, literal } from '../../sql.ts'

/** A column that a seal covers. */
export interface SealedColumn {
  readonly attname: string
  /** The type's name where it is a base type of pg_catalog; null for all others. */
  readonly typname: string | null
  /** Its values are, or hold, identifiers of catalog rows, which are shown as the names that these have at the time (regclass). */
  readonly naming?: boolean
}

/** Types of which equal values are the same bytes, so that PostgreSQL's own hash of them tells any two images apart. */
const HASHED = ['bool', 'int2', 'int4', 'int8', 'oid', 'uuid', 'date', 'time', 'timestamp', 'timestamptz', 'bytea']
/** The same where no collation takes different strings for equal. */
const HASHED_IN_C = ['text', 'varchar']

/**
 * What the sum in a seal is of: of values; or of values, and of identifiers that are shown as names, weighed so much that both can
 * be told. A seal without a mark is a sum of hashes of the rows' texts.
 */
type Mark = 'h' | 'i'
/** More than the sum of the hashes of as many rows as there may be. */
const WEIGHT = 10n ** 40n

export const markOf = (columns: readonly SealedColumn[]): Mark => (columns.some((c) => c.naming) ? 'i' : 'h')

/** The hash of the row that `alias` stands for, of these columns. Rows of different images have different hashes. */
export function rowHash(columns: readonly SealedColumn[], alias: string): string {
  const names = columns.filter((c) => c.naming).map(({ attname }) => `${alias}.${id(attname)}`)
  const values = valuesHash(
    columns.filter((c) => !c.naming),
    alias,
  )
  if (names.length === 0) return values
  // what is sent of them are the identifiers, whatever is called so by now, or nothing is
  const identifiers = hashOf([values, `pg_catalog.record_send(row(${names.join(', ')}))`])
  return `(${values} + ${String(WEIGHT)}::pg_catalog.numeric * ${identifiers})`
}

// a row's hash is a weighted sum of its columns': hashed once more, or values that changed places between rows went unseen
const hashOf = (hashed: readonly string[]): string =>
  `pg_catalog.hashtextextended(pg_catalog.hash_record_extended(row(${hashed.join(', ')}), 0)::text collate pg_catalog."C", 0)`

function valuesHash(columns: readonly SealedColumn[], alias: string): string {
  const hashed = columns.flatMap(({ attname, typname }) => {
    if (typname !== null && HASHED.includes(typname)) return [`${alias}.${id(attname)}`]
    if (typname !== null && HASHED_IN_C.includes(typname)) return [`${alias}.${id(attname)} collate pg_catalog."C"`]
    return []
  })
  const others = columns
    .filter(({ typname }) => typname === null || ![...HASHED, ...HASHED_IN_C].includes(typname))
    .map(({ attname }) => `${alias}.${id(attname)}`)
  if (others.length > 0) hashed.push(`row(${others.join(', ')})::text collate pg_catalog."C"`)
  return hashed.length === 0 ? '0' : hashOf(hashed)
}

/** The seal of so many rows, given the sum of their hashes. */
export const sealOf = (mark: Mark, rows: bigint, hashes: bigint): string => `${String(rows)}:${mark}${String(hashes)}`

/** The seal, as SQL, of a table that had this one before so many rows and hashes more; all three are SQL. */
export const sealAfter = (seal: string, { rows, hashes }: { rows: string; hashes: string }): string => {
  const part = (n: number) => `pg_catalog.split_part(${seal}, ':', ${String(n)})`
  return `(${part(1)}::pg_catalog.numeric + ${rows})::text || ':' || pg_catalog.left(${part(2)}, 1)
    || (pg_catalog.substr(${part(2)}, 2)::pg_catalog.numeric + ${hashes})::text`
}

/**
 * Whether two seals are of the same rows.
 *
 * @param sameLedger in a database that came from a dump all identifiers are others, and say nothing
 */
export const isSameSeal = (a: string, b: string, sameLedger: boolean): boolean =>
  a === b || (!sameLedger && withoutIdentifiers(a) === withoutIdentifiers(b))

function withoutIdentifiers(seal: string): string {
  const [rows = '', sum = ''] = seal.split(':i')
  return seal.includes(':i') ? `${rows}:${String(balanced(BigInt(sum)))}` : seal
}

/** What is left of a sum when the weighed ones are taken away. */
const balanced = (sum: bigint): bigint => {
  const rest = ((sum % WEIGHT) + WEIGHT) % WEIGHT
  return rest > WEIGHT / 2n ? rest - WEIGHT : rest
}

/**
 * A seal over a table's rows that does not depend on their order: row count and sum of row
 * hashes. Several times cheaper than hashing each row's text, which is done only for types that have
 * several images of one value (1.0 and 1.00), or no hash. The hashes are those that hash
 * partitioning relies on: they are the same on every major and after a dump.
 */
export function sealStatement(
  table: string,
  columns: readonly SealedColumn[],
  { partitioned = false }: { partitioned?: boolean } = {},
): string {
  return `select pg_catalog.count(*)::text || ':${markOf(columns)}' || coalesce(pg_catalog.sum(${rowHash(columns, 't')}), 0)::text as checksum,
  pg_catalog.count(*)::text as rows
from ${partitioned ? '' : 'only '}${table} t`
}

const SEAL = /^(\d+):([hi]?)(-?\d+)$/

/** The seal of a table, given those of its parts. */
export function sealOfParts(seals: readonly string[]): { checksum: string; rows: string } {
  const parts = seals.map((seal) => SEAL.exec(seal) ?? [])
  const sum = (n: 1 | 3) => String(parts.reduce((total, part) => total + BigInt(part[n] ?? 0), 0n))
  return { checksum: `${sum(1)}:${parts[0]?.[2] ?? ''}${sum(3)}`, rows: sum(1) }
}

/** The seal of a table of which parts with these seals are empty by now. */
export function sealWithout(seal: string, parts: readonly string[]): string {
  const { rows, checksum } = sealOfParts(parts)
  const [, count = '', mark = '', sum = ''] = SEAL.exec(seal) ?? []
  const gone = BigInt(SEAL.exec(checksum)?.[3] ?? 0)
  return `${String(BigInt(count) - BigInt(rows))}:${mark}${String(BigInt(sum) - gone)}`
}

/** Whether a seal was made of the rows' texts, as versions before this way did it, or a person by hand. */
export const isTextSeal = (checksum: string): boolean => !/:[hi]/.test(checksum)

/** Whether names were sealed as they were shown, as versions before did it. */
export const isSealOfNames = (checksum: string): boolean => checksum.includes(':h')

/** A seal of the rows' texts. */
export function textSealStatement(
  table: string,
  columns: readonly string[],
  { partitioned = false }: { partitioned?: boolean } = {},
): string {
  const row = columns.length === 0 ? literal('') : `row(${columns.map((c) => `t.${id(c)}`).join(', ')})::text`
  return `select pg_catalog.count(*)::text || ':' ||
  coalesce(pg_catalog.sum(pg_catalog.hashtextextended(${row}, 0)::numeric), 0)::text as checksum,
  pg_catalog.count(*)::text as rows
from ${partitioned ? '' : 'only '}${table} t`
}
