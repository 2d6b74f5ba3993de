import type { Description } from '../catalog/describe.ts'
import type { ArchivedTable } from './history.ts'

/** How the tables and sequences that a removal moved were defined under their backup names when it had ended. */
export interface KeptDefinitions {
  /** Of the descriptions; others are not compared. */
  readonly format: number
  /** Of the server, and the ledger's oid there: another one, or one that has read a dump, may print the same otherwise. */
  readonly major: number
  readonly ledger: string
  readonly described: Description
  /** By the same identities, a hash of what the catalog stores: not told by earlier ledgers. */
  readonly stored?: Readonly<Record<string, string>>
  /** The last value of each of their sequences; null: none was taken since its start. */
  readonly sequences: Readonly<Record<string, { readonly last: string | null; readonly increment: string }>>
  /** The names that an archive has given the tables since; the ledger keeps these elsewhere. */
  readonly archived?: readonly Pick<ArchivedTable, 'backup' | 'archive'>[]
}
