import { readJson } from '../../../catalog/read.ts'
import { UnshipError } from '../../../errors.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import { literal, qualified, type QualifiedName } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'

/** A partition or child, and the table that it belongs to. */
interface Tie {
  readonly child: QualifiedName
  readonly parent: QualifiedName
}

/** Refuses where partitions or children have come to backups, or gone from them: trees come back as they went. */
export async function refuseChangedTrees({ db, feature }: RunContext, plan: RecordedPlan): Promise<void> {
  if (plan.moved.length === 0) return
  const backups = plan.moved.map(({ backup }) => `pg_catalog.to_regclass(${literal(qualified(backup))})`)
  const name = (relation: string) =>
    `(select pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname) from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = ${relation})`
  const present = await readJson<Tie>(
    db,
    `select ${name('i.inhrelid')} as child, ${name('i.inhparent')} as parent
     from (select array[${backups.join(', ')}]::pg_catalog.oid[] as oids) b
     join pg_catalog.pg_inherits i on i.inhparent = any (b.oids) or i.inhrelid = any (b.oids)
     where not i.inhdetachpending`,
  )
  const before = plan.moved.flatMap(({ backup, under }) => (under ?? []).map((parent) => ({ child: backup, parent })))
  const reasons = [
    ...without(before, present).map((t) => `${shown(t.child)} is no partition or child of ${shown(t.parent)} any more`),
    ...without(present, before).map((t) => `${shown(t.child)} has become a partition or child of ${shown(t.parent)}`),
  ]
  if (reasons.length === 0) return
  throw new UnshipError({
    code: 'backup_changed',
    message: `the backups of feature ${feature} are not tied to each other as the removal left them`,
    detail: reasons.map((r) => `${r}.`).join('\n'),
    hint: 'Attach or detach it again. Nothing was restored.',
  })
}

function without(ties: readonly Tie[], others: readonly Tie[]): Tie[] {
  const key = ({ child, parent }: Tie) => `${qualified(child)} ${qualified(parent)}`
  const known = new Set(others.map(key))
  return ties.filter((tie) => !known.has(key(tie)))
}
