import { aclJson, oidArray, strings, type Acl, type Oid, type Scope, type Strings } from './fragments.ts'

/** pg_type.typtype */
export const typtypes = {
  b: 'base type',
  c: 'composite type',
  d: 'domain',
  e: 'enum',
  p: 'pseudo-type',
  r: 'range',
  m: 'multirange',
} as const

export interface Type extends Strings {
  readonly oid: Oid
  readonly nspname: string
  readonly typname: string
  readonly typtype: keyof typeof typtypes
  readonly owner: string
  readonly owned: boolean
  readonly typacl: Acl
  readonly definition: string
  readonly description: string | null
}

export const typeQuery = ({ types }: Scope): string => `
  select t.oid, n.nspname, t.typname, t.typtype,
    pg_catalog.pg_get_userbyid(t.typowner) as owner,
    pg_catalog.pg_has_role(t.typowner, 'USAGE') as owned,
    ${aclJson('t.typacl')} as typacl,
    case t.typtype
      when 'e' then (select pg_catalog.json_agg(e.enumlabel order by e.enumsortorder)::text
        from pg_catalog.pg_enum e where e.enumtypid = t.oid)
      when 'd' then pg_catalog.concat_ws(' ', pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typdefault,
        (select pg_catalog.string_agg(k.conname || ' ' || pg_catalog.pg_get_constraintdef(k.oid), ', ' order by k.conname)
          from pg_catalog.pg_constraint k where k.contypid = t.oid))
      when 'c' then (select pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod))
          order by a.attnum)::text
        from pg_catalog.pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)
      else '' end as definition,
    pg_catalog.obj_description(t.oid, 'pg_type') as description,
    ${strings('pg_catalog.pg_type', 't.oid')}
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  where t.oid = any (${oidArray(types)})
  order by n.nspname, t.typname`
