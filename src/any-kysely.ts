import type { Kysely } from 'kysely'

/**
 * Any Kysely on the PostgreSQL dialect: a pool, one connection or a
 * transaction. A generic `Kysely<DB>` would reject transactions.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the one place: see above
export type AnyKysely = Kysely<any>
