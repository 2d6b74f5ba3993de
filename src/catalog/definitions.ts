import { sql } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { columnQuery, type Column } from './column.ts'
import { constraintQuery, type Constraint } from './constraint.ts'
import { relationOrder, type Scope } from './fragments.ts'
import { indexQuery, type Index } from './index.ts'
import { policyQuery, type Policy } from './policy.ts'
import { membershipQuery, type Membership } from './publication.ts'
import { readTogether, together } from './read.ts'
import { relationQuery, type Relation } from './relation.ts'
import { routineQuery, type Routine } from './routine.ts'
import { ruleQuery, type Rule } from './rule.ts'
import { sequenceQuery, type Sequence } from './sequence.ts'
import { statisticsQuery, type Statistics } from './statistics.ts'
import { triggerQuery, type Trigger } from './trigger.ts'
import { typeQuery, type Type } from './type.ts'

/** The catalog rows of a set of objects, by kind. */
export interface CatalogRows {
  readonly relations: Relation[]
  readonly columns: Column[]
  readonly constraints: Constraint[]
  readonly indexes: Index[]
  readonly triggers: Trigger[]
  readonly policies: Policy[]
  readonly rules: Rule[]
  readonly statistics: Statistics[]
  readonly routines: Routine[]
  readonly types: Type[]
  readonly sequences: Sequence[]
  readonly memberships: Membership[]
}

const rowQueries = (scope: Scope, major: number): { readonly [K in keyof CatalogRows]: string } => ({
  relations: relationQuery(scope),
  columns: columnQuery(scope, major),
  constraints: constraintQuery(scope, major),
  indexes: indexQuery(scope),
  triggers: triggerQuery(scope),
  policies: policyQuery(scope),
  rules: ruleQuery(scope),
  statistics: statisticsQuery(scope),
  routines: routineQuery(scope, major),
  types: typeQuery(scope),
  sequences: sequenceQuery(scope),
  memberships: membershipQuery(scope, major),
})

/** Reads the catalog rows of a set of objects. */
export async function readRows(db: AnyKysely, scope: Scope, major: number): Promise<CatalogRows> {
  return await readTogether<{ [K in keyof CatalogRows]: CatalogRows[K] }>(db, rowQueries(scope, major))
}

/** SQL: the same rows, without our own triggers, as JSON and with a checksum by which two moments can be compared. */
export function definitionsQuery(scope: Scope, major: number): string {
  const queries = rowQueries(scope, major)
  const others = `select t.* from (${queries.triggers}) t
    where not exists (select from pg_catalog.pg_proc p
      where p.oid = t.tgfoid and p.pronamespace = pg_catalog.to_regnamespace('${LEDGER_SCHEMA}'))
    /* a join keeps no order, and the checksum is over all rows */
    order by ${relationOrder('t.tgrelid')}, t.tgname`
  // a server that keeps to FIPS has no md5
  const hash = (seed: number) => `pg_catalog.hashtextextended(d.json collate pg_catalog."C", ${String(seed)})`
  return `select d.json, ${hash(0)} || ':' || ${hash(1)} as checksum
from (select ${together({ ...queries, triggers: others })} as json offset 0) d`
}

/** The rows of a set of objects at one moment. */
export interface Definitions {
  readonly scope: Scope
  readonly major: number
  readonly rows: CatalogRows
  readonly checksum: string
}

export async function readDefinitions(db: AnyKysely, scope: Scope, major: number): Promise<Definitions> {
  const text = definitionsQuery(scope, major)
  const { rows } = await sql<{ json: string; checksum: string }>`${sql.raw(text)}`.execute(db)
  const [found] = rows
  if (!found) throw new Error('the server did not answer')
  return { scope, major, rows: JSON.parse(found.json) as CatalogRows, checksum: found.checksum }
}
