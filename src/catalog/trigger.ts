import { oidArray, relationOrder, strings, type Oid, type Scope, type Strings } from './fragments.ts'

/** pg_trigger.tgenabled, as ALTER TABLE spells it. */
export const tgenabled = {
  O: 'enable',
  D: 'disable',
  R: 'enable replica',
  A: 'enable always',
} as const
export type Tgenabled = keyof typeof tgenabled

export interface Trigger extends Strings {
  readonly oid: Oid
  readonly tgname: string
  readonly tgrelid: Oid
  readonly tgfoid: Oid
  readonly tgenabled: Tgenabled
  readonly def: string
  /** It fires on UPDATE, whatever columns change. */
  readonly any_update: boolean
  /** The name of a constraint trigger's constraint: another than its own where it was renamed. */
  readonly constraint: string | null
  readonly constraint_comment: string | null
  readonly cloned: boolean
  /** The trigger that it is a clone of; 0 for none. */
  readonly tgparentid: Oid
  readonly function: string
  /** The session may execute it, as CREATE TRIGGER demands. */
  readonly callable: boolean
  readonly prosrc: string
  readonly args: string
  readonly description: string | null
}

export const triggerQuery = ({ relations }: Scope): string => `
  select t.oid, t.tgname, t.tgrelid, t.tgfoid, t.tgenabled,
    pg_catalog.pg_get_triggerdef(t.oid) as def,
    t.tgtype & 16 /* update */ <> 0 and pg_catalog.cardinality(t.tgattr::pg_catalog.int2[]) = 0 as any_update,
    (select k.conname from pg_catalog.pg_constraint k where k.oid = t.tgconstraint) as constraint,
    pg_catalog.obj_description(t.tgconstraint, 'pg_constraint') as constraint_comment,
    t.tgparentid <> 0 as cloned, t.tgparentid,
    p.oid::pg_catalog.regprocedure::text as function,
    pg_catalog.has_function_privilege(p.oid, 'EXECUTE') as callable, p.prosrc,
    pg_catalog.encode(t.tgargs, 'escape') as args,
    pg_catalog.obj_description(t.oid, 'pg_trigger') as description,
    ${strings('pg_catalog.pg_trigger', 't.oid')}
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_proc p on p.oid = t.tgfoid
  where t.tgrelid = any (${oidArray(relations)}) and (not t.tgisinternal
    /* to PostgreSQL 14, clones on partitions count as internal */
    or t.tgparentid <> 0 and not exists (select from pg_catalog.pg_constraint k where k.oid = t.tgconstraint and k.contype <> 't'))
  order by ${relationOrder('t.tgrelid')}, t.tgname`
