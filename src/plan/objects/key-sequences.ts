import { literal, qualified } from '../../sql.ts'
import type { HostPlan } from '../plan.ts'

/** The sequence that numbers a key column of a host table, and where it stands. All as text: numbers may pass 2^53. */
export interface KeySequence {
  readonly table: string
  readonly relid: string
  readonly column: string
  readonly seqrelid: string
  /** TRUNCATE … RESTART IDENTITY and ALTER … RESTART give it a new file; so does ALTER SEQUENCE of these options. */
  readonly file: string
  readonly options: string
  /** null where it has given no number yet. */
  readonly last: string | null
  readonly descending: boolean
}

/** The sequences when a removal cut over, and its transaction: rows that are written later are younger. */
export interface KeySequences {
  readonly xid: string
  readonly sequences: readonly KeySequence[]
}

/** A query of the sequences that number keys, those that may be read. */
export function keySequencesQuery(hosts: readonly HostPlan[]): string {
  const keys = hosts.flatMap(({ table, key }) =>
    key.map((column) => [qualified(table), column].map(literal).join(', ')),
  )
  return `select k."table", c.oid::text as relid, k."column", s.seqrelid::text as seqrelid,
    pg_catalog.pg_relation_filenode(s.seqrelid)::text as file,
    pg_catalog.concat_ws(' ', q.relpersistence, s.seqtypid, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle) as options,
    pg_catalog.pg_sequence_last_value(s.seqrelid)::text as last, s.seqincrement < 0 as descending
  from (values ${keys.map((k) => `(${k})`).join(', ')}) k("table", "column")
  join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(k."table")
  join pg_catalog.pg_sequence s on s.seqrelid = pg_catalog.pg_get_serial_sequence(k."table", k."column")::pg_catalog.regclass
  join pg_catalog.pg_class q on q.oid = s.seqrelid
  where pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT')`
}

/** SQL, in the transaction of the cut-over: JSON of `KeySequences`. */
export const keySequencesNow = (hosts: readonly HostPlan[]): string =>
  `pg_catalog.jsonb_build_object('xid', pg_catalog.pg_current_xact_id()::pg_catalog.xid::text, 'sequences', (
    select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(k)), '[]') from (${keySequencesQuery(hosts)}) k))`
