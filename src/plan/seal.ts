import { id, literal } from '../sql.ts'

/** A column that a seal covers. */
export interface SealedColumn {
  readonly attname: string
  /** The type's name where it is a base type of pg_catalog; null for all others. */
  readonly typname: string | null
}

/** Types of which equal values are the same bytes, so that PostgreSQL's own hash of them tells any two images apart. */
const HASHED = ['bool', 'int2', 'int4', 'int8', 'oid', 'uuid', 'date', 'time', 'timestamp', 'timestamptz', 'bytea']
/** The same where no collation takes different strings for equal. */
const HASHED_IN_C = ['text', 'varchar']

/** What a seal of today begins with; one without it is a sum of hashes of the rows' texts. */
const MARK = 'h'

/** The hash of the row that `alias` stands for, of these columns. Rows of different images have different hashes. */
export function rowHash(columns: readonly SealedColumn[], alias: string): string {
  const hashed = columns.flatMap(({ attname, typname }) => {
    if (typname !== null && HASHED.includes(typname)) return [`${alias}.${id(attname)}`]
    if (typname !== null && HASHED_IN_C.includes(typname)) return [`${alias}.${id(attname)} collate pg_catalog."C"`]
    return []
  })
  const others = columns
    .filter(({ typname }) => typname === null || ![...HASHED, ...HASHED_IN_C].includes(typname))
    .map(({ attname }) => `${alias}.${id(attname)}`)
  if (others.length > 0) hashed.push(`row(${others.join(', ')})::text collate pg_catalog."C"`)
  // a row's hash is a weighted sum of its columns': hashed once more, or values that changed places between rows went unseen
  return hashed.length === 0
    ? '0'
    : `pg_catalog.hashtextextended(pg_catalog.hash_record_extended(row(${hashed.join(', ')}), 0)::text collate pg_catalog."C", 0)`
}

/** The seal of so many rows, given the sum of their hashes. */
export const sealOf = (rows: bigint, hashes: bigint): string => `${String(rows)}:${MARK}${String(hashes)}`

/** The seal, as SQL, of a table that had this one before so many rows and hashes more; all three are SQL. */
export const sealAfter = (seal: string, { rows, hashes }: { rows: string; hashes: string }): string => {
  const part = (n: number) => `pg_catalog.split_part(${seal}, ':${MARK}', ${String(n)})::pg_catalog.numeric`
  return `(${part(1)} + ${rows})::text || ':${MARK}' || (${part(2)} + ${hashes})::text`
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
  return `select pg_catalog.count(*)::text || ':${MARK}' || coalesce(pg_catalog.sum(${rowHash(columns, 't')}), 0)::text as checksum,
  pg_catalog.count(*)::text as rows
from ${partitioned ? '' : 'only '}${table} t`
}

/** Whether a seal was made of the rows' texts, as versions before this way did it, or a person by hand. */
export const isTextSeal = (checksum: string): boolean => !checksum.includes(`:${MARK}`)

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
