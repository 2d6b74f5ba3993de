import { sql } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import { UnshipError } from '../errors.ts'
import { id } from '../sql.ts'
import { LEDGER_SCHEMA, LEDGER_TABLES } from './schema.ts'

/*
 * A restore runs what the ledger says, and whatever hangs on its tables runs with each row that is written there: whoever can
 * write to it can have the session do anything. So a run demands that all these roles may act as the session's role
 * anyway: that role itself, its members, superusers. An owner may also be a role that the session's has been made a member of,
 * unless that is a superuser, who is a member of all.
 */

const runs = `${LEDGER_SCHEMA}.runs`
const tables = LEDGER_TABLES.map((name) => `'${name}'`).join(', ')
const weaker = (role: string) => `not pg_catalog.pg_has_role(${role}, current_user, 'MEMBER')`
const strange = (role: string) => `${weaker(role)} and not (pg_catalog.pg_has_role(current_user, ${role}, 'USAGE')
    and not (select m.rolsuper from pg_catalog.pg_roles m where m.rolname = current_user))`
const nameOf = (role: string) => `case ${role} when 0 then 'PUBLIC' else pg_catalog.pg_get_userbyid(${role})::text end`

/**
 * Whether one of the ledger's tables is something else by that name, as SQL: a view, or with a column of somebody's own type, could run
 * functions of its owner's for whoever only reads it.
 */
export const ODD_LEDGER = `exists (
  select from pg_catalog.pg_class o join pg_catalog.pg_namespace n on n.oid = o.relnamespace
  where n.nspname = '${LEDGER_SCHEMA}' and o.relname in (${tables}) and (o.relkind <> 'r' or exists (
    select from pg_catalog.pg_attribute a where a.attrelid = o.oid and a.atttypid >= 16384 /* the first that is not built in */)))`

export const oddLedger = () =>
  new UnshipError({
    code: 'wrong_state',
    message: `schema ${LEDGER_SCHEMA} does not hold a ledger as kysely-unship writes it`,
    detail: `One of ${LEDGER_TABLES.join(', ')} is no table, or has a column of a type that is not PostgreSQL's. Nothing was read.`,
    hint: 'Where a part of it was replaced, bring it back from a backup of the database; where it is not ours, rename it. Nothing was changed.',
  })

interface Finding {
  readonly kind: 'owner' | 'grant' | 'function' | 'rewrite'
  /** As a statement names it. */
  readonly object: string
  /** The role that could have the session do something. */
  readonly role: string
}

const FINDINGS = `
  with ledger as (
    select c.oid, c.relowner, c.relacl, 'table ${LEDGER_SCHEMA}.' || c.relname as object, '${LEDGER_SCHEMA}.' || c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = '${LEDGER_SCHEMA}' and c.relname in (${tables})
  ), written(object, grantee) as (
    select l.object, a.grantee from ledger l cross join lateral pg_catalog.aclexplode(l.relacl) a
    where a.grantee <> l.relowner and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
    union
    select l.object, a.grantee from ledger l join pg_catalog.pg_attribute m on m.attrelid = l.oid
    cross join lateral pg_catalog.aclexplode(m.attacl) a where a.privilege_type in ('INSERT', 'UPDATE')
  ), called(classid, objid, owner) as (
    select d.classid, d.objid, coalesce(p.proowner, o.oprowner)
    from ledger l
    join pg_catalog.pg_depend h on h.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and h.refobjid = l.oid
      and h.classid in ('pg_catalog.pg_trigger'::pg_catalog.regclass, 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
        'pg_catalog.pg_constraint'::pg_catalog.regclass, 'pg_catalog.pg_class'::pg_catalog.regclass)
    join pg_catalog.pg_depend d on d.classid = h.classid and d.objid = h.objid
    left join pg_catalog.pg_proc p on d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and p.oid = d.refobjid
    left join pg_catalog.pg_operator o on d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass and o.oid = d.refobjid
    where p.oid is not null or o.oid is not null
  )
  select 'owner' as kind, 'schema ${LEDGER_SCHEMA}' as object, ${nameOf('n.nspowner')} as role
  from pg_catalog.pg_namespace n where n.nspname = '${LEDGER_SCHEMA}' and ${strange('n.nspowner')}
  union all
  select 'owner', l.object, ${nameOf('l.relowner')} from ledger l where ${strange('l.relowner')}
  union all
  select 'grant', w.object, ${nameOf('w.grantee')} from written w where ${weaker('w.grantee')}
  union all
  select distinct 'function', pg_catalog.pg_describe_object(c.classid, c.objid, 0), ${nameOf('c.owner')}
  from called c where ${strange('c.owner')}
  union all
  select 'rewrite', pg_catalog.pg_describe_object('pg_catalog.pg_rewrite'::pg_catalog.regclass, r.oid, 0), ${nameOf('l.relowner')}
  from ledger l join pg_catalog.pg_rewrite r on r.ev_class = l.oid
  union all
  select 'rewrite', pg_catalog.pg_describe_object('pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, 0), ${nameOf('l.relowner')}
  from ledger l join pg_catalog.pg_policy p on p.polrelid = l.oid
  order by 1, 2, 3`

/** Refuses to act on a ledger through which a role could do what it may not do itself. */
export async function refuseUntrusted(db: AnyKysely): Promise<void> {
  const found = await readJson<Finding>(db, FINDINGS)
  if (found.length === 0) return
  const role = await sql<{ me: string; superuser: boolean; writes: boolean }>`
    select current_user::text as me, r.rolsuper as superuser,
      coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass(${runs})::pg_catalog.oid, 'INSERT'), true) as writes
    from pg_catalog.pg_roles r where r.rolname = current_user`.execute(db)
  const { me, superuser, writes } = role.rows[0] ?? { me: '', superuser: false, writes: true }
  // the server says that it may not
  if (!writes) await sql`insert into ${sql.raw(runs)} default values`.execute(db)
  const of = (kind: Finding['kind']) => found.filter((f) => f.kind === kind)
  const owners = [...new Set(of('owner').map(({ role }) => role))]
  const told = {
    owner: 'belongs to',
    grant: 'can be written to by',
    function: 'calls what belongs to',
    rewrite: 'is no part of the ledger: it was made by',
  }
  throw new UnshipError({
    code: 'not_owner',
    message: `role ${me} would do what others may have written to the ledger in schema ${LEDGER_SCHEMA}`,
    detail: [
      ...found.map(({ kind, object, role }) => `${object} ${told[kind]} ${role}.`),
      `Who may not act as ${me} could have ${me} run any statement so. Nothing was changed.`,
    ].join('\n'),
    hint: [
      ...(owners.length > 0
        ? [
            `${superuser ? 'Connect' : 'Run it'} as ${owners.join(' or ')}${superuser ? ' (what runs could undo a SET ROLE)' : ''}. Or look at what the ledger holds, and where that is what removals wrote, give it to ${me}:`,
            ...of('owner').map(({ object }) => `alter ${object} owner to ${id(me)};`),
          ]
        : []),
      ...of('grant').map(
        ({ object, role }) =>
          `revoke insert, update, delete, truncate, trigger on ${object} from ${role === 'PUBLIC' ? 'public' : id(role)} cascade;`,
      ),
      ...[...of('function'), ...of('rewrite')].map(({ object }) => `Drop ${object}.`),
    ].join('\n'),
  })
}
