import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import { isUnshipError, NOTHING_CHANGED, UnshipError } from '../errors.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { PURGED } from '../ledger/history.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { parseName } from '../names.ts'
import { shown } from '../plan/model.ts'
import { literal, qualified } from '../sql.ts'
import { sayingWhatLedger } from './ledger-errors.ts'

/** What of a declaration names tables. */
type Named = Pick<FeatureDeclaration, 'tables' | 'columns' | 'constraints' | 'triggers' | 'policies' | 'rules'>

/** What each table of ours is: by its qualified name. */
type Ours = ReadonlyMap<string, string>

const ARCHIVED = /, removed with feature (\S+?)(?: on [\d-]+)?; [^]*; kysely-unship run \d+ restores it$/

/** Backups of features that are removed, as the ledger and the comments on archives have them. */
async function readOurs(db: AnyKysely, { relations }: Snapshot): Promise<Ours> {
  const archived = relations.flatMap((r) => {
    const feature = ARCHIVED.exec(r.description ?? '')?.[1]
    return feature === undefined ? [] : [{ feature, schema: r.nspname, name: r.relname }]
  })
  const backups = (await isLedgerReadable(db))
    ? await sayingWhatLedger(() => readJson<(typeof archived)[number]>(db, BACKUPS))
    : []
  return new Map(
    [...backups, ...archived].map((table) => [
      qualified(table),
      `table ${shown(table)} is a backup of feature ${table.feature}`,
    ]),
  )
}

async function isLedgerReadable(db: AnyKysely): Promise<boolean> {
  const readable = await readJson<{ oid: string }>(
    db,
    `select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = ${literal(LEDGER_SCHEMA)} and c.relname = 'runs' and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       and pg_catalog.has_table_privilege(c.oid, 'SELECT')`,
  )
  return readable.length > 0
}

const BACKUPS = `
  select r.feature, b.value->'backup'->>'schema' as schema, b.value->'backup'->>'name' as name
  from (
    select distinct on (r.feature, r.plan->>'schema') r.* from ${LEDGER_SCHEMA}.runs r
    where r.state in ('running', 'done') order by r.feature, r.plan->>'schema', r.id desc
  ) r
  cross join lateral pg_catalog.jsonb_array_elements(r.plan->'hosts' || (r.plan->'moved')) b
  where not (r.direction = 'restore' and r.state = 'done')
    and not exists (select from ${LEDGER_SCHEMA}.events e where e.run_id = r.id and e.event = ${literal(PURGED)})`

/** The tables of ours that a declaration, or a fragment of one, names. */
function named(ours: Ours, declared: Named, schema: string): string[] {
  const { tables, columns, constraints, triggers, policies, rules } = declared
  const spelled = [columns, constraints, triggers, policies, rules].flatMap((field) => Object.keys(field ?? {}))
  const names = [...(tables ?? []), ...spelled].map((name) => parseName(name, schema))
  return [
    ...new Set(
      names.flatMap((name) =>
        name.schema === LEDGER_SCHEMA
          ? [`table ${shown(name)} belongs to kysely-unship`]
          : (ours.get(qualified(name)) ?? []),
      ),
    ),
  ]
}

/** Refuses to take what keeps other features, and to suggest it. */
export async function refuseOurs<T>(
  db: AnyKysely,
  snapshot: Snapshot,
  feature: FeatureDeclaration,
  plan: () => T,
): Promise<T> {
  const ours = await readOurs(db, snapshot)
  const schema = feature.schema ?? 'public'
  const refuse = (found: readonly string[], besides: string[], cause?: unknown) => {
    if (found.length === 0) return
    throw new UnshipError({
      code: 'not_restorable',
      message: `feature ${feature.name} cannot be removed with what keeps other features`,
      detail: [...besides, ...found.map((f) => `${f}.`)].join('\n'),
      hint: `Restore that feature first, or purge its backups where nobody wants it back. ${NOTHING_CHANGED}`,
      cause,
    })
  }
  refuse(named(ours, feature, schema), [])
  try {
    return plan()
  } catch (error) {
    if (isUnshipError(error) && error.suggestion)
      refuse(named(ours, error.suggestion, schema), error.detail === undefined ? [] : [error.detail], error.cause)
    throw error
  }
}
