import type { AnyKysely } from '../../../any-kysely.ts'
import { readJson } from '../../../catalog/read.ts'
import { UnshipError } from '../../../errors.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import type { Claim } from '../../../plan/plan.ts'
import { literal } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'

/** Names the restore needs and that something else has taken meanwhile. */
export async function refuseTaken({ db, feature }: RunContext, plan: RecordedPlan): Promise<void> {
  const taken = await readTaken(db, plan)
  if (taken.length === 0) return
  throw new UnshipError({
    code: 'name_taken',
    message: `cannot restore feature ${feature} because something else has its names`,
    detail: taken.map((name) => `${name} exists.`).join('\n'),
    hint: 'Rename or drop what stands there now. Nothing was restored.',
  })
}

/** What bears a name that the restore needs: `table contacts`, `column contacts.payment_method`. */
export async function readTaken(db: AnyKysely, plan: Pick<RecordedPlan, 'claims'>): Promise<string[]> {
  const found = await readJson<Claim>(
    db,
    `select c.kind, c.schema, c.name, c.part
     from pg_catalog.json_to_recordset(${literal(JSON.stringify(plan.claims))}) c(kind text, schema text, name text, part text)
     join pg_catalog.pg_namespace n on n.nspname = c.schema
     where case c.kind
       when 'relation' then exists (select from pg_catalog.pg_class r where r.relnamespace = n.oid and r.relname = c.name)
       when 'type' then exists (select from pg_catalog.pg_type t where t.typnamespace = n.oid and t.typname = c.name)
       when 'statistics' then exists (select from pg_catalog.pg_statistic_ext s where s.stxnamespace = n.oid and s.stxname = c.name)
       when 'function' then exists (select from pg_catalog.pg_proc p where p.pronamespace = n.oid and p.proname = c.name
         and pg_catalog.oidvectortypes(p.proargtypes) = c.part)
       when 'column' then exists (select from pg_catalog.pg_class r join pg_catalog.pg_attribute a on a.attrelid = r.oid
         where r.relnamespace = n.oid and r.relname = c.name and a.attname = c.part and not a.attisdropped)
       when 'constraint' then exists (select from pg_catalog.pg_class r join pg_catalog.pg_constraint k on k.conrelid = r.oid
         where r.relnamespace = n.oid and r.relname = c.name and k.conname = c.part)
       when 'trigger' then exists (select from pg_catalog.pg_class r join pg_catalog.pg_trigger t on t.tgrelid = r.oid
         where r.relnamespace = n.oid and r.relname = c.name and t.tgname = c.part)
       when 'policy' then exists (select from pg_catalog.pg_class r join pg_catalog.pg_policy p on p.polrelid = r.oid
         where r.relnamespace = n.oid and r.relname = c.name and p.polname = c.part)
       when 'rule' then exists (select from pg_catalog.pg_class r join pg_catalog.pg_rewrite w on w.ev_class = r.oid
         where r.relnamespace = n.oid and r.relname = c.name and w.rulename = c.part)
     end`,
  )
  const isRelation = ({ schema, name }: Claim) =>
    found.some((c) => c.kind === 'relation' && c.schema === schema && c.name === name)
  // a relation has a type of its name: said once
  const taken = found.filter((c) => c.kind !== 'type' || !isRelation(c))
  return taken.map((c) =>
    c.part === null
      ? `${c.kind} ${shown(c)}`
      : c.kind === 'function'
        ? `function ${shown(c)}(${c.part})`
        : `${c.kind} ${shown(c)}.${c.part}`,
  )
}
