/*
 * SQLSTATEs that statements of ours raise to stop what they belong to: all in one place, so that no two are the same.
 * The standard leaves classes that begin with I to Z to others than itself, and PostgreSQL has none called UN.
 */

/** There is work to do outside first. */
export const NOT_YET = 'UN001'
/** A definition would mean other columns, functions or operators than before. */
export const OTHER_MEANING = 'UN002'
/** A table's membership in publications changed. */
export const OTHER_PUBLICATIONS = 'UN003'
/** Partitions came or went. */
export const OTHER_PARTITIONS = 'UN004'
/** The statement has come to another session than the run's. */
export const OTHER_SESSION = 'UN005'
/** What was tried is taken back. */
export const TRIED = 'UN006'
/** The columns that were copied, or what watches them, changed. */
export const OTHER_SOURCE = 'UN007'
/** The catalog is not what the run was planned from. */
export const OTHER_CATALOG = 'UN008'
/** Rows that are to go are referred to. */
export const REFERRED_TO = 'UN009'
/** Rows were written that triggers of ours could not give what they have to have. */
export const NOT_SERVED = 'UN010'
