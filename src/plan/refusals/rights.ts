import type { Snapshot } from '../../catalog/snapshot.ts'
import { UnshipError } from '../../errors.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { ownerHint } from '../../owner-hint.ts'
import { id, qualified } from '../../sql.ts'
import { lackedLanguage, lacksHint, toldLacks, whoLacks, type Lack } from './lacks.ts'
import { lostRights } from './lost-rights.ts'
import { shown, type Model } from '../model.ts'
import { grantorsWithoutUsage, mayActAs } from './grantors.ts'
import { wideReason, WIDE_HINT } from './published-reasons.ts'
import { planTrials } from './trials.ts'

/** Everything that the removal changes must belong to the session's role, or to one that it is a member of. */
export function refuseOwnership(model: Model): void {
  const { snapshot } = model
  const { current_user: me, superusers } = snapshot.environment
  const of = (told: string, object: string, owner: string) => ({
    ...{ told: `${told} belongs to ${owner}`, object, owner },
    superuser: superusers.includes(owner),
  })
  const foreign = [
    ...snapshot.relations
      .filter(
        (r) =>
          (model.isHost(r.oid) || model.moved.has(r.oid) || model.views.has(r.oid) || changesOn(model, r.oid)) &&
          !r.owned,
      )
      .map((r) => {
        const name = model.name(r.oid)
        return of(`${r.relkind === 'v' ? 'view' : 'table'} ${shown(name)}`, `table ${qualified(name)}`, r.owner)
      }),
    ...snapshot.routines
      .filter((r) => !r.owned)
      .map((r) =>
        of(
          `function ${r.proname}(${r.argument_types})`,
          `routine ${id(r.nspname, r.proname)}(${r.argument_types})`,
          r.owner,
        ),
      ),
    ...snapshot.types
      .filter((t) => !t.owned && model.declared.has(`pg_type:${t.oid}:0`))
      .map((t) => of(`type ${t.typname}`, `type ${id(t.nspname, t.typname)}`, t.owner)),
    ...snapshot.statistics
      .filter((s) => !s.owned && model.nodes.has(`pg_statistic_ext:${s.oid}:0`))
      .map((s) => of(`statistics ${s.stxname}`, `statistics ${id(s.nspname, s.stxname)}`, s.owner)),
    ...snapshot.memberships
      .filter((m) => !m.owned && (model.isHost(m.prrelid) || model.moved.has(m.prrelid)))
      .map((m) =>
        of(`publication ${m.pubname}, of ${shown(model.name(m.prrelid))},`, `publication ${id(m.pubname)}`, m.pubowner),
      ),
  ]
  if (foreign.length === 0) return
  throw new UnshipError({
    code: 'not_owner',
    message: `role ${me} is not the owner of what feature ${model.feature.name} changes`,
    detail: foreign.map((f) => `${f.told}.`).join('\n'),
    hint: ownerHint('the migration', me, foreign),
  })
}

/** A table that stays but loses a declared constraint, trigger, policy or rule. */
const changesOn = (model: Model, oid: string) =>
  model.snapshot.declared.some(
    (d) =>
      ['constraints', 'triggers', 'policies', 'rules'].includes(d.field) &&
      d.schema === model.name(oid).schema &&
      d.name === model.name(oid).name,
  )

/** Refuses where the session, or an owner it acts for, may not create what a removal or restore creates. */
export function refuseRights(model: Model): void {
  const { environment, schemaRights } = model.snapshot
  const me = environment.current_user
  const may = (role: string, schema: string) => schemaRights.find((r) => r.rolname === role && r.nspname === schema)
  const lacks = [...lackingForLedger(environment), ...lackedLanguage(environment)]
  for (const { schema, role } of creators(model)) {
    if (!environment.superuser && !may(role, schema)?.may_create)
      lacks.push({
        what: `CREATE on schema ${schema}${role === me ? '' : `, for role ${role}`}`,
        grant: `grant create on schema ${id(schema)} to ${id(role)}`,
      })
    if (role === me && !environment.superuser && !may(me, schema)?.may_use)
      lacks.push({ what: `USAGE on schema ${schema}`, grant: `grant usage on schema ${id(schema)} to ${id(me)}` })
    if (role !== me && !mayActAs(model, role))
      lacks.push({
        what: `membership in role ${role}`,
        grant: environment.superusers.includes(role) ? null : `grant ${id(role)} to ${id(me)}`,
      })
  }
  if (!environment.temporary_on_database && planTrials(model).length > 0)
    lacks.push({
      what: `TEMPORARY on database ${environment.database}, to try on temporary objects whether definitions print the same again`,
      grant: `grant temporary on database ${id(environment.database)} to ${id(me)}`,
    })
  lacks.push(...grantorsWithoutUsage(model))
  lacks.push(...lostRights(model))
  if (lacks.length === 0) return
  throw new UnshipError({
    code: 'missing_privilege',
    message: `${whoLacks(lacks, me)} privileges to remove feature ${model.feature.name} and restore it`,
    detail: toldLacks(lacks),
    hint: lacksHint(lacks, me, 'the migration').join('\n'),
  })
}

/** A role that has to have CREATE on a schema: for what it creates there, or is given. */
export interface Creator {
  readonly schema: string
  readonly role: string
}

export function creators(model: Model): Creator[] {
  const { snapshot } = model
  const me = snapshot.environment.current_user
  const owners = new Map<string, Set<string>>()
  const needs = (schema: string, owner: string) => owners.set(schema, (owners.get(schema) ?? new Set()).add(owner))
  for (const oid of [...model.gone.keys(), ...model.moved]) needs(model.name(oid).schema, me)
  // temporary ones are refused for what they are
  for (const oid of [...model.views].filter((view) => model.relation(view).relpersistence !== 't'))
    needs(model.name(oid).schema, model.relation(oid).owner).get(model.name(oid).schema)?.add(me)
  for (const r of snapshot.routines) needs(r.nspname, r.owner).get(r.nspname)?.add(me)
  for (const r of snapshot.relations)
    if (r.relkind === 'S' && model.nodes.has(`pg_class:${r.oid}:0`)) needs(r.nspname, me)
  for (const s of snapshot.statistics) if (model.nodes.has(`pg_statistic_ext:${s.oid}:0`)) needs(s.nspname, me)
  return [...owners].flatMap(([schema, roles]) => [...roles].map((role) => ({ schema, role })))
}

/** What the session lacks to keep the ledger. */
function lackingForLedger(environment: Snapshot['environment']): Lack[] {
  const me = id(environment.current_user)
  if (environment.ledger_exists)
    return environment.ledger_usable
      ? []
      : [
          {
            what: `CREATE on schema ${LEDGER_SCHEMA}, where the ledger is`,
            grant: `grant usage, create on schema ${LEDGER_SCHEMA} to ${me}`,
          },
        ]
  return environment.create_on_database
    ? []
    : [
        {
          what: `CREATE on database ${environment.database}, to create the ledger's schema`,
          grant: `grant create on database ${id(environment.database)} to ${me}`,
        },
      ]
}

/** Refuses where even a run that finds nothing to do could not be recorded. */
export function refuseUnrecordable({ environment }: Snapshot, feature: string): void {
  const wide = environment.wide_publications.filter(({ nspname }) => nspname === null || nspname === LEDGER_SCHEMA)
  if (wide.length > 0)
    throw new UnshipError({
      code: 'not_restorable',
      message: `it cannot be recorded that feature ${feature} is not there`,
      detail: wide.map((w) => `${wideReason(w)}.`).join('\n'),
      hint: ['Nothing was changed.', WIDE_HINT].join('\n'),
    })
  const lacks = [...lackingForLedger(environment), ...(environment.ledger_exists ? [] : lackedLanguage(environment))]
  if (lacks.length === 0) return
  throw new UnshipError({
    code: 'missing_privilege',
    message: `role ${environment.current_user} lacks privileges to record that feature ${feature} is not there`,
    detail: toldLacks(lacks),
    hint: lacksHint(lacks, environment.current_user, 'the migration').join('\n'),
  })
}

/** Tables that stay, whose rows foreign keys of the feature are compared with: for orphans, or when they are validated. */
const comparedByForeignKeys = (model: Model) =>
  model.snapshot.constraints
    .filter((k) => k.contype === 'f' && model.nodes.has(`pg_constraint:${k.oid}:0`))
    .filter((k) => model.moved.has(k.conrelid) || k.convalidated)
    .flatMap((k) => [k.conrelid, k.confrelid])
    .filter((oid) => !model.moved.has(oid))

const leavesOf = (model: Model, oid: string) =>
  model
    .members(oid)
    .filter((m) => m.isleaf)
    .map((m) => m.relid)

/** Refuses where policies would hide rows from the backup. */
export function refuseRowSecurity(model: Model): void {
  // a partition that holds rows is read by its own name, under its own policies
  const read = [...model.removed.keys()].flatMap((oid) => [oid, ...leavesOf(model, oid)])
  const hidden = [...new Set([...read, ...comparedByForeignKeys(model)])].filter(
    (oid) => model.relation(oid).row_security_active,
  )
  if (hidden.length === 0) return
  const me = model.snapshot.environment.current_user
  throw new UnshipError({
    code: 'row_security',
    message: `row level security would hide rows of ${hidden.map((oid) => shown(model.name(oid))).join(', ')} from the backup or the restore`,
    detail: `Policies apply to role ${me} there, so a copy could miss rows without an error.`,
    hint: `Run the migration as a role with BYPASSRLS, or without FORCE ROW LEVEL SECURITY as the table's owner.`,
  })
}
