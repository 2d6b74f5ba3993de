import { CONSTRAINED, domainsOf } from '../../../catalog/column.ts'
import type { Oid } from '../../../catalog/fragments.ts'
import { readJson } from '../../../catalog/read.ts'
import { UnshipError } from '../../../errors.ts'
import type { LedgerRun, RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import type { HostPlan, PlannedColumn } from '../../../plan/plan.ts'
import { spellName } from '../../../names.ts'
import { literal, qualified } from '../../../sql.ts'
import { acknowledged } from './acknowledged.ts'
import type { RunContext } from '../../context.ts'
import { disproved } from '../../prove.ts'

/** What the type of a backup's column is by now. */
interface TypeOfColumn {
  readonly n: number
  readonly type: string
  readonly type_default: string | null
  /** It is one of the feature, which has another name meanwhile. */
  readonly ours: boolean
  readonly domains: readonly Oid[]
  readonly constrained: boolean
}

/**
 * Refuses where a domain of a column that comes back has got a constraint: ADD COLUMN would rewrite the table, or fail. Gives the
 * domains, and whether one rewrites its table, as was acknowledged.
 */
export async function refuseConstrainedDomains(
  context: RunContext,
  removal: LedgerRun,
  plan: RecordedPlan,
): Promise<{ domains: Oid[]; rewrites: boolean }> {
  const columns = plan.hosts.flatMap((host) => host.columns.map((column) => ({ host, column })))
  const types = await readTypes(context, columns)
  const found = types.flatMap((type) => {
    const returning = columns[type.n]
    return returning ? [{ ...returning, ...type }] : []
  })
  const name = ({ host, column }: Returning) => `${shown(host.table)}.${column.name}`
  const constrained = found.filter((f) => f.constrained)
  const probes = constrained.flatMap((f) => {
    const value = f.ours ? null : given(f)
    const reason = `column ${name(f)} cannot be added to rows that have no value of it`
    return value === null ? [] : [{ sql: `(select pg_catalog.count(${value}) >= 0)`, reason }]
  })
  const reasons = await disproved(context.session, probes)
  if (reasons.length > 0)
    throw new UnshipError({
      code: 'not_restorable',
      message: `feature ${context.feature} cannot be restored with the types of its columns as they are now`,
      detail: reasons.map((r) => `${r}.`).join('\n'),
      hint: 'Let the domain take what it took before; it may change again once the feature is restored. Nothing was restored.',
    })
  const { rewrite } = acknowledged(context, removal)
  const silent = constrained.filter(({ host, column }) => !rewrite(host.table, column.name))
  if (silent.length > 0) {
    const rewrites: Record<string, string[]> = {}
    for (const { host, column } of silent) (rewrites[spellName(host.table, plan.schema)] ??= []).push(column.name)
    const suggestion = { acknowledge: { rewrites } }
    throw new UnshipError({
      code: 'rewrite_not_acknowledged',
      message: `restoring feature ${context.feature} would hold a lock for as long as its tables are large`,
      detail: silent.map((f) => `${name(f)}: ${f.type} has a constraint by now, which rewrites the table.`).join('\n'),
      hint: `Drop the constraint, and add it again once the feature is restored. Or, if that is acceptable, add to the declaration:\n${JSON.stringify(suggestion, null, 2)}\nNothing was restored.`,
      suggestion,
    })
  }
  return { domains: [...new Set(found.flatMap((f) => f.domains))], rewrites: constrained.length > 0 }
}

interface Returning {
  readonly host: HostPlan
  readonly column: PlannedColumn
}

/** What ADD COLUMN gives to every row; null where that is not known. */
function given({ column, type, type_default }: Returning & TypeOfColumn): string | null {
  if (column.added !== undefined) return `cast(${column.added} as ${type})`
  if (column.freeDomain || column.blank !== `cast(null as ${column.type})`) return column.blank
  return column.filler === null ? `cast(${type_default ?? 'null'} as ${type})` : null
}

async function readTypes({ db }: RunContext, columns: readonly Returning[]): Promise<TypeOfColumn[]> {
  if (columns.length === 0) return []
  const values = columns.map(
    ({ host, column }, n) =>
      `(${String(n)}, ${literal(qualified(host.backup))}, ${literal(column.name)}, ${literal(column.type)})`,
  )
  return await readJson<TypeOfColumn>(
    db,
    `select w.n, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, pg_catalog.pg_get_expr(t.typdefaultbin, 0) as type_default,
       pg_catalog.to_regtype(w.type) is null as ours,
       pg_catalog.to_jsonb(array(${domainsOf('a.atttypid')})) as domains, exists (${domainsOf('a.atttypid')} and ${CONSTRAINED}) as constrained
     from (values ${values.join(', ')}) w(n, backup, name, type)
     join pg_catalog.pg_attribute a on a.attrelid = pg_catalog.to_regclass(w.backup) and a.attname = w.name
     join pg_catalog.pg_type t on t.oid = a.atttypid
     where t.oid >= 16384 order by w.n`,
  )
}
