import { readJson } from '../../../catalog/read.ts'
import { relkinds, type Relation } from '../../../catalog/relation.ts'
import { shown } from '../../../plan/model.ts'
import type { HostPlan } from '../../../plan/plan.ts'
import { literal, qualified } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'

interface Kind extends Pick<Relation, 'relkind' | 'relispartition'> {
  readonly n: number
  readonly parent: boolean
}

/** Reasons against restoring columns into what stands in the place of their table by now. */
export async function kindReasons({ db }: RunContext, hosts: readonly HostPlan[]): Promise<string[]> {
  if (hosts.length === 0) return []
  const kinds = await readJson<Kind>(
    db,
    `select w.n, c.relkind, c.relispartition,
       exists (select from pg_catalog.pg_inherits i where i.inhparent = c.oid) as parent
     from (values ${hosts.map(({ table }, n) => `(${String(n)}, ${literal(qualified(table))})`).join(', ')}) w(n, name)
     join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(w.name) order by w.n`,
  )
  return kinds.flatMap((kind) => {
    const host = hosts[kind.n]
    const other = host && otherThan(host, kind)
    return host && other ? [`${shown(host.table)} has become ${other}`] : []
  })
}

function otherThan({ members }: HostPlan, { relkind, relispartition, parent }: Kind): string | null {
  if (!['r', 'p'].includes(relkind)) return `a ${relkinds[relkind]}`
  if ((relkind === 'p') !== (members !== undefined))
    return relkind === 'p' ? 'a partitioned table' : 'a table without partitions'
  return (parent && !members) || relispartition ? 'part of an inheritance tree' : null
}
