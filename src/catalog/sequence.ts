import { oidArray, relationOrder, type Oid, type Scope } from './fragments.ts'

/** What pg_class does not say of a sequence. Numbers are text: they may pass 2^53. */
export interface Sequence {
  readonly seqrelid: Oid
  readonly type: string
  readonly seqstart: string
  readonly seqincrement: string
  readonly seqmin: string
  readonly seqmax: string
  readonly seqcache: string
  readonly seqcycle: boolean
  /** The column that it belongs to: serial (a) or identity (i). */
  readonly owner_kind: 'a' | 'i' | null
  readonly owner_relid: Oid | null
  readonly owner_attnum: number | null
}

export const sequenceQuery = ({ relations }: Scope): string => `
  select s.seqrelid, pg_catalog.format_type(s.seqtypid, null) as type,
    s.seqstart::text as seqstart, s.seqincrement::text as seqincrement, s.seqmin::text as seqmin,
    s.seqmax::text as seqmax, s.seqcache::text as seqcache, s.seqcycle,
    d.deptype as owner_kind, d.refobjid as owner_relid, d.refobjsubid as owner_attnum
  from pg_catalog.pg_sequence s
  left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = s.seqrelid
    and d.objsubid = 0 and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjsubid > 0 and d.deptype in ('a', 'i')
  where s.seqrelid = any (${oidArray(relations)})
  order by ${relationOrder('s.seqrelid')}`

export function sequenceOptions(s: Sequence): string {
  return [
    `increment by ${s.seqincrement}`,
    `minvalue ${s.seqmin}`,
    `maxvalue ${s.seqmax}`,
    `start with ${s.seqstart}`,
    `cache ${s.seqcache}`,
    s.seqcycle ? 'cycle' : 'no cycle',
  ].join(' ')
}
