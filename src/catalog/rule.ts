import { oidArray, relationOrder, type Oid, type Scope } from './fragments.ts'
import { meaningOfRule } from './meaning.ts'
import type { Tgenabled } from './trigger.ts'

export interface Rule {
  readonly oid: Oid
  readonly rulename: string
  readonly ev_class: Oid
  readonly ev_type: '1' | '2' | '3' | '4'
  readonly ev_enabled: Tgenabled
  readonly def: string
  /** The columns that it reads and writes, by name. */
  readonly meaning: string | null
  readonly description: string | null
}

/** All rules but the one that makes a view a view. */
export const ruleQuery = ({ relations }: Scope): string => `
  select r.oid, r.rulename, r.ev_class, r.ev_type, r.ev_enabled,
    pg_catalog.pg_get_ruledef(r.oid) as def, ${meaningOfRule('r.oid')} as meaning,
    pg_catalog.obj_description(r.oid, 'pg_rewrite') as description
  from pg_catalog.pg_rewrite r
  where r.ev_class = any (${oidArray(relations)}) and r.rulename <> '_RETURN'
  order by ${relationOrder('r.ev_class')}, r.rulename`
