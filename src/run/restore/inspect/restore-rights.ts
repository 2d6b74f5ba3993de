import type { AnyKysely } from '../../../any-kysely.ts'
import { readJson } from '../../../catalog/read.ts'
import { roleQuery, type Environment } from '../../../catalog/environment.ts'
import { uncallableQuery, type Uncallable } from '../../../catalog/uncallable.ts'
import { UnshipError } from '../../../errors.ts'
import type { LedgerStatement, RecordedPlan } from '../../../ledger/recorded.ts'
import { ownerHint } from '../../../owner-hint.ts'
import {
  forOther,
  isOthers,
  lackedLanguage,
  lacksHint,
  toldLacks,
  whoLacks,
  type Lack,
} from '../../../plan/refusals/lacks.ts'
import { shown } from '../../../plan/model.ts'
import type { HostPlan, MovedPlan } from '../../../plan/plan.ts'
import type { Creator } from '../../../plan/refusals/rights.ts'
import { id, literal, qualified, type QualifiedName } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'
import { lackedReads } from './lacked-reads.ts'
import type { NeedsNow } from './needs.ts'
import { partsOf } from '../../recorded-statements.ts'

/** What only a table's owner creates. */
const OF_TABLES: readonly string[] = ['constraint', 'trigger', 'policy', 'rule']

/** Refuses where nothing of a restore could be done, nor asked. */
export function refuseWithoutLanguage({ feature }: RunContext, environment: Environment): void {
  const lacks = lackedLanguage(environment)
  if (lacks.length > 0) throw missing(environment.current_user, feature, lacks)
}

const missing = (me: string, feature: string, lacks: readonly Lack[]) =>
  new UnshipError({
    code: 'missing_privilege',
    message: `${whoLacks(lacks, me)} privileges to restore feature ${feature}`,
    detail: toldLacks(lacks),
    hint: [...lacksHint(lacks, me, 'the restore'), 'Nothing was restored.'].join('\n'),
  })

/** Refuses where the session may not change what the restore changes, or create what it creates. */
export async function refuseRestoreRights(
  { db, feature }: RunContext,
  plan: RecordedPlan,
  environment: Environment,
  statements: readonly LedgerStatement[],
  needs: NeedsNow,
): Promise<void> {
  const { current_user: me, superuser } = environment
  const ours = [...plan.hosts.flatMap((h) => [h.table, h.backup]), ...plan.moved.map((m) => m.backup)]
  const bearers = plan.claims.filter(({ kind }) => OF_TABLES.includes(kind))
  const tables = [...new Map([...ours, ...bearers].map((table) => [qualified(table), table])).values()]
  const foreign = await readJson<{ n: number; owner: string; superuser: boolean }>(
    db,
    tables.length === 0
      ? 'select null as n where false'
      : `select w.n, r.rolname as owner, r.rolsuper as superuser
         from (values ${tables.map((t, n) => `(${String(n)}, ${literal(qualified(t))})`).join(', ')}) w(n, name)
         join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(w.name) join pg_catalog.pg_roles r on r.oid = c.relowner
         where not pg_catalog.pg_has_role(c.relowner, 'USAGE') order by w.n`,
  )
  if (foreign.length > 0)
    throw new UnshipError({
      code: 'not_owner',
      message: `role ${me} is not the owner of what the restore of feature ${feature} changes`,
      detail: foreign
        .flatMap(({ n, owner }) => (tables[n] ? [`table ${shown(tables[n])} belongs to ${owner}.`] : []))
        .join('\n'),
      hint: ownerHint(
        'the restore',
        me,
        foreign.flatMap(({ n, ...owned }) =>
          tables[n] ? [{ ...owned, object: `table ${qualified(tables[n])}` }] : [],
        ),
      ),
    })
  const schemas = [...new Set([...ours, ...plan.claims].map((named) => named.schema))]
  const creating = [...schemas.map((schema) => ({ schema, role: me })), ...(superuser ? [] : (plan.creators ?? []))]
  const lacks = [
    ...(await lackedMemberships(db, environment, statements)),
    ...(await lackedSchemas(db, creating, me)),
    ...(await lackedLanguages(db, statements, me)),
    ...(await lackedTables(db, plan, me)),
    ...(await lackedByFill(db, plan, me)),
    ...(await lackedReads(db, plan, environment)),
    ...lackedNeeds(needs, me),
  ]
  if (lacks.length > 0) throw missing(me, feature, lacks)
}

/** What gives something to another role, or is done in it. Names of ours are always quoted. */
const IN_A_ROLE = /^(?:alter [^]* owner to|set local role) ("(?:[^"]|"")+")$/

async function lackedMemberships(
  db: AnyKysely,
  { current_user: me, major }: Environment,
  statements: readonly LedgerStatement[],
): Promise<Lack[]> {
  const roles = new Set(statements.flatMap(partsOf).flatMap((sql) => IN_A_ROLE.exec(sql)?.[1] ?? []))
  if (roles.size === 0) return []
  const names = [...roles].map((role) => literal(role.slice(1, -1).replaceAll('""', '"')))
  const found = await readJson<{ rolname: string; superuser: boolean }>(
    db,
    `select r.rolname, s.rolsuper as superuser from (${roleQuery(major)}) r join pg_catalog.pg_roles s on s.rolname = r.rolname
     where r.rolname in (${names.join(', ')}) and not (r.usable and r.settable) order by 1`,
  )
  return found.map(({ rolname, superuser }) => ({
    what: `Membership in role ${rolname}`,
    grant: superuser ? null : `grant ${id(rolname)} to ${id(me)}`,
  }))
}

async function lackedSchemas(db: AnyKysely, creating: readonly Creator[], me: string): Promise<Lack[]> {
  // who is only given something there need not find it
  const found = await readJson<Creator & { privilege: string }>(
    db,
    `select distinct c.schema, c.role, p.privilege from pg_catalog.json_to_recordset(${literal(JSON.stringify(creating))}) c(schema text, role text)
     join pg_catalog.pg_namespace n on n.nspname = c.schema join pg_catalog.pg_roles r on r.rolname = c.role
     cross join (values ('CREATE'), ('USAGE')) p(privilege)
     where not pg_catalog.has_schema_privilege(r.oid, n.oid, p.privilege) and (p.privilege = 'CREATE' or c.role = current_user) order by 1, 2, 3`,
  )
  return found.map(({ schema, role, privilege }) => ({
    what: `${privilege} on schema ${schema}${role === me ? '' : `, for role ${role}`}`,
    grant: `grant ${privilege.toLowerCase()} on schema ${id(schema)} to ${id(role)}`,
  }))
}

/** As PostgreSQL prints a function. */
const IN_A_LANGUAGE = /^create (?:function|procedure) [^]*?\n LANGUAGE ("(?:[^"]|"")+"|[^\s"]+)/i

async function lackedLanguages(db: AnyKysely, statements: readonly LedgerStatement[], me: string): Promise<Lack[]> {
  const languages = new Set(statements.flatMap(({ sql }) => IN_A_LANGUAGE.exec(sql)?.[1] ?? []))
  if (languages.size === 0) return []
  const found = await readJson<{ lanname: string }>(
    db,
    `select l.lanname from pg_catalog.pg_language l
     where pg_catalog.quote_ident(l.lanname) in (${[...languages].map(literal).join(', ')})
       and not pg_catalog.has_language_privilege(l.oid, 'USAGE') order by 1`,
  )
  return found.map(({ lanname }) => ({
    what: `USAGE on language ${lanname}`,
    grant: `grant usage on language ${id(lanname)} to ${id(me)}`,
  }))
}

/** On tables: an owner has every privilege unless it was taken away. */
async function lackedTables(db: AnyKysely, plan: RecordedPlan, me: string): Promise<Lack[]> {
  // rows, or references, whose parents went are set aside
  const read = (t: HostPlan | MovedPlan) => (t.foreignKeys.length > 0 ? ['SELECT', 'UPDATE', 'DELETE'] : ['SELECT'])
  const demanded: { table: QualifiedName; privileges: string[]; parts?: string[]; leaves?: string[] }[] = [
    ...plan.hosts.map(({ table, columns }) => ({
      ...{ table, privileges: ['SELECT', 'UPDATE', 'TRIGGER'], parts: ['TRIGGER'] },
      // rows that have come since are filled partition by partition
      leaves: columns.some((c) => c.filler !== null) ? ['SELECT', 'UPDATE'] : ['SELECT'],
    })),
    ...[...plan.hosts, ...plan.moved.filter((m) => m.partitionOf === undefined)].map((t) => ({
      table: t.backup,
      privileges: read(t),
    })),
    ...parentsOf(plan).map((table) => ({ table, privileges: ['REFERENCES', 'SELECT'] })),
  ]
  const asked = demanded.map(({ table, ...rest }) => ({ name: qualified(table), ...rest }))
  const lacked = await readJson<{ schema: string; name: string; privilege: string }>(
    db,
    `select distinct s.nspname as schema, c.relname as name, p.privilege
     from pg_catalog.json_to_recordset(${literal(JSON.stringify(asked))}) w(name text, privileges text[], parts text[], leaves text[])
     cross join lateral (
       select pg_catalog.to_regclass(w.name), w.privileges
       union all select t.relid, w.parts from pg_catalog.pg_partition_tree(pg_catalog.to_regclass(w.name)) t where t.level > 0
       union all select t.relid, w.leaves from pg_catalog.pg_partition_tree(pg_catalog.to_regclass(w.name)) t where t.level > 0 and t.isleaf
     ) t(relid, privileges)
     join pg_catalog.pg_class c on c.oid = t.relid join pg_catalog.pg_namespace s on s.oid = c.relnamespace
     cross join lateral pg_catalog.unnest(t.privileges) p(privilege)
     where not pg_catalog.has_table_privilege(c.oid, p.privilege) order by 1, 2, 3`,
  )
  return lacked.map(({ privilege, ...table }) => ({
    what: `${privilege} on table ${shown(table)}`,
    grant: `grant ${privilege.toLowerCase()} on table ${qualified(table)} to ${id(me)}`,
  }))
}

/** On functions that filling runs: those of checks, triggers and indexes that stay. */
async function lackedByFill(db: AnyKysely, { hosts }: RecordedPlan, me: string): Promise<Lack[]> {
  if (hosts.length === 0) return []
  const tables = hosts.map(({ table }) => `(pg_catalog.to_regclass(${literal(qualified(table))})::pg_catalog.oid)`)
  const found = await readJson<Uncallable>(db, uncallableQuery(`values ${tables.join(', ')}`))
  return found.map(({ routine }) => ({
    what: `EXECUTE on function ${routine}`,
    grant: `grant execute on routine ${routine} to ${id(me)}`,
  }))
}

/** Tables that its foreign keys refer to: parents that went are looked for there, and the keys are created. */
function parentsOf(plan: RecordedPlan): QualifiedName[] {
  const keys = [...plan.hosts, ...plan.moved].flatMap((t) => t.foreignKeys)
  const parents = new Map(keys.map(({ referenced }) => [qualified(referenced), referenced]))
  // these are ours meanwhile
  for (const { table } of plan.moved) parents.delete(qualified(table))
  return [...parents.values()]
}

/** On what the definitions speak of: of functions and types, where the removal had it. */
function lackedNeeds({ closed, lost }: NeedsNow, me: string): Lack[] {
  return [
    ...closed.map(({ schema, description }) => ({
      what: schema ? `USAGE on schema ${schema}` : `USAGE on the schema of ${description}`,
      grant: `grant usage on schema ${id(schema ?? description)} to ${id(me)}`,
    })),
    ...lost.map(({ type, identity, description, role }) => {
      const [privilege, kind] = GRANTED[type] ?? ['EXECUTE', 'routine']
      // an array has the privileges of its elements
      const on = type === 'type' ? identity.replace(/(\[\])+$/, '') : identity
      return {
        what: `${privilege} on ${description}${forOther(role, me)}`,
        grant: `grant ${privilege.toLowerCase()} on ${kind} ${on} to ${id(role ?? me)}`,
        ...(isOthers(role, me) && { others: true }),
      }
    }),
  ]
}

const GRANTED: Readonly<Record<string, readonly [privilege: string, kind: string]>> = {
  type: ['USAGE', 'type'],
  sequence: ['USAGE', 'sequence'],
  tablespace: ['CREATE', 'tablespace'],
}
