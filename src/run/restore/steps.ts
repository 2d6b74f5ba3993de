import { UnshipError } from '../../errors.ts'
import type { LedgerStatement, RecordedPlan } from '../../ledger/recorded.ts'
import { markDone } from '../../ledger/entries.ts'
import { columnNames } from '../../plan/data/backup.ts'
import { indexExpression } from '../../plan/objects/index-definition.ts'
import { shown } from '../../plan/model.ts'
import type { HostPlan } from '../../plan/plan.ts'
import { literal, qualified } from '../../sql.ts'
import { asCaller } from '../as-caller.ts'
import { brokenKeys } from './broken-keys.ts'
import { concurrently } from '../concurrently.ts'
import type { RunContext } from '../context.ts'
import { asFiller } from './fill.ts'
import type { Kept } from './host-rows.ts'
import { observed } from '../observe.ts'
import { isThere, locksFor } from './of-partition.ts'
import { setAsideOrphans, type Child } from './orphans.ts'
import { buildForNewPartitions } from './partition-indexes.ts'
import { row, run, sqlState } from '../query.ts'
import { rowsInTheWay, sayingWhichRows, whereToLook } from './rows-in-the-way.ts'
import type { SetAside } from '../report.ts'
import { whatIsAside } from './set-aside-report.ts'
import { runShort, type Held } from '../short.ts'
import { ofBuild, sayingWhichView, type FilledBy } from './view-fills.ts'
import { withoutValues } from '../without-values.ts'
import { writeLedger } from '../write-ledger.ts'

const UNIQUE_VIOLATION = '23505'
const FOREIGN_KEY_VIOLATION = '23503'
/** A table, a constraint or index, a schema that is not there, or something else by its name, or not ours any more. */
const NOT_OURS = ['42P01', '42704', '3F000', '42809', '42501']

/** What the steps of one restore share. */
export interface Restoring {
  readonly context: RunContext
  readonly plan: RecordedPlan
  /** Whose row holds the statements. */
  readonly removalId: string
  readonly runId: string
  readonly setAside: SetAside[]
  /** Backed-up rows, and those of them that were gone from the table, when the filled columns were verified, and its files then. */
  readonly counted: Map<HostPlan, Kept & { readonly files: string }>
  longestLockMs: number
  lockAttempts: number
}

/** Runs the statements of a phase that holds nobody up, one by one; those done before are passed over. */
export async function runSteps(restoring: Restoring, statements: readonly LedgerStatement[]): Promise<void> {
  const { context, removalId } = restoring
  for (const statement of statements.filter((s) => !s.done)) {
    context.checkCancelled()
    const done = markDone(removalId, statement.position)
    if (statement.phase !== 'validate') await runStep(restoring, statement, done, ofBuild(statements, statement))
    else
      await attemptInTransaction(context, 'unship_step', () => runStep(restoring, statement, done)).catch(
        async (error: unknown) => {
          // all has come back: whoever drops or gives away a part of it may, and the restore must end
          if (!NOT_OURS.includes(sqlState(error) ?? '')) throw error
          context.warn(
            `passed over, because ${error instanceof Error ? error.message : String(error)}: ${statement.reason}`,
          )
          await writeLedger(context, statement.phase, [done])
        },
      )
  }
}

async function runStep(
  restoring: Restoring,
  statement: LedgerStatement,
  done: string,
  filledBy: FilledBy = () => undefined,
): Promise<void> {
  const { context, removalId } = restoring
  if (statement.action === 'index') {
    if (await isThere(context.db, restoring.plan, statement)) await buildIndex(context, statement)
    await writeLedger(context, statement.phase, [done])
  } else if (statement.action === 'partition indexes') {
    for (const held of await buildForNewPartitions(context, restoring.plan.hosts, statement)) noteHeld(restoring, held)
    await writeLedger(context, statement.phase, [done])
  } else if (statement.action === 'validate foreign key' || statement.action === 'attach foreign key')
    await validateForeignKey(restoring, statement, done)
  else if (statement.lock === 'ACCESS EXCLUSIVE') {
    const held = await runShort(context, {
      phase: statement.phase,
      locks: locksFor(restoring.plan, statement),
      statements: [statement.sql, done],
    })
    noteHeld(restoring, held)
  } else {
    // both in one implicit transaction
    const both = () =>
      observed(context, { phase: statement.phase, what: whatOf(statement) }, () =>
        run(context.db, `${statement.sql};\n${done}`),
      )
    await sayingWhichRows(context, () =>
      sayingWhichView(context, removalId, filledBy, () =>
        statement.action === 'materialized view' ? asFiller(context, both) : asCaller(context, both),
      ),
    )
  }
}

function noteHeld(restoring: Restoring, held: Held): void {
  restoring.longestLockMs = Math.max(restoring.longestLockMs, held.lockHeldMs)
  restoring.lockAttempts = Math.max(restoring.lockAttempts, held.attempts)
}

/** As progress is told of it. */
const whatOf = ({ sql, reason, relations }: LedgerStatement) =>
  sql.startsWith('analyze ') ? `analyze ${relations.join(', ')}` : reason

/** CREATE INDEX CONCURRENTLY that can be run again: a valid index stays, an invalid one is built anew. */
async function buildIndex(context: RunContext, statement: LedgerStatement): Promise<void> {
  const { session, feature } = context
  const name = statement.object ?? ''
  const sql = session.inTransaction ? statement.sql.replace(' CONCURRENTLY ', ' ') : statement.sql
  try {
    await concurrently(context, { phase: statement.phase, what: statement.reason }, async (runs) => {
      const valid = await findBuilt(context, statement, name)
      if (valid === true) return
      if (valid === false) await runs(`drop index ${session.inTransaction ? '' : 'concurrently '}${name}`)
      await runs(sql)
    })
  } catch (error) {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error
    throw rowsInTheWay(context, {
      message: `unique index ${name} of feature ${feature} cannot be built`,
      detail: [
        ...whereToLook(error),
        'Rows that were changed or inserted meanwhile are equal where the index demands that they differ.',
      ],
      cause: error,
    })
  }
}

/** Whether the index is there and valid; null where it is not there. What else has its name is an error. */
async function findBuilt(
  { db, feature }: RunContext,
  statement: LedgerStatement,
  name: string,
): Promise<boolean | null> {
  const { valid, oid, tablespace } = await row<{
    valid: boolean | null
    oid: string | null
    tablespace: string | null
  }>(
    db,
    `select i.indisvalid as valid, x.oid::text as oid, s.spcname::text as tablespace
     from (select pg_catalog.to_regclass(${literal(name)})::pg_catalog.oid) x(oid)
     left join pg_catalog.pg_index i on i.indexrelid = x.oid left join pg_catalog.pg_class c on c.oid = x.oid
     left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace`,
  )
  if (oid !== null && valid === null) throw nameTaken(feature, name, 'no index')
  if (oid !== null) {
    const definition = indexExpression({ indexrelid: oid, tablespace })
    const { found } = await row<{ found: string }>(db, `select ${definition} as found`)
    if (found !== statement.sql.replace(' CONCURRENTLY ', ' ')) throw nameTaken(feature, name, found)
  }
  return valid
}

const nameTaken = (feature: string, name: string, found: string) =>
  new UnshipError({
    code: 'name_taken',
    message: `cannot restore feature ${feature} because something else has the name of its index ${name}`,
    detail: `It is: ${withoutValues(found)}.`,
    hint: 'Rename or drop what stands there now, then run the same command again; it goes on where it was.',
  })

/**
 * A parent may go between the last look and the validation: its children are set aside, or lose the reference where they are rows of a
 * host table, and it is tried again.
 */
async function validateForeignKey(restoring: Restoring, statement: LedgerStatement, done: string): Promise<void> {
  const { context, plan } = restoring
  for (let attempt = 1; ; attempt++) {
    try {
      await attemptInTransaction(context, 'unship_attempt', async () => {
        if (statement.action === 'attach foreign key') await attachForeignKey(restoring, statement, done)
        else if (statement.lock !== 'ACCESS EXCLUSIVE')
          await observed(
            context,
            { phase: statement.phase, what: statement.reason, expectedMs: context.expectedMs.get(statement.sql) },
            () => run(context.db, `${statement.sql};\n${done}`),
          )
        else await validateUnderLock(restoring, statement, done)
      })
      return
    } catch (error) {
      if (sqlState(error) !== FOREIGN_KEY_VIOLATION) throw error
      // a check may demand the reference
      const kept = await sayingWhichRows(context, () =>
        setAsideRevealed(restoring, [...plan.moved, ...plan.hosts.map(referring)]),
      )
      if (kept.length > 0 && attempt < 10) continue
      const broken = await brokenKeys(context, plan, 'revealed')
      throw rowsInTheWay(context, {
        message: `a foreign key of feature ${context.feature} does not hold for rows of a table that stayed`,
        detail: [
          ...(broken.length > 0 ? broken.flatMap((k) => k.detail) : whereToLook(error)),
          ...(await whatIsAside(context, restoring.runId)),
        ],
        ways: broken.map((k) => k.way),
        cause: error,
      })
    }
  }
}

const referring = (host: HostPlan): Child => ({
  table: host.table,
  backup: host.backup,
  foreignKeys: host.foreignKeys,
  ...(host.members && { partitioned: true }),
  keeps: [...host.key, ...columnNames(host)],
})

/** Sets aside rows of tables that have their names back. */
export async function setAsideRevealed(restoring: Restoring, children: readonly Child[]): Promise<readonly SetAside[]> {
  const { context, plan, runId, removalId, setAside } = restoring
  const kept = await setAsideOrphans(context, children, {
    ...{ moved: plan.moved, hosts: [], runId, removalId, revealed: true },
    held: (held) => {
      noteHeld(restoring, held)
    },
  })
  setAside.push(...kept)
  return kept
}

/** Where row level security binds the owner: locks are asked for with patience, the work takes what it takes. */
async function validateUnderLock(restoring: Restoring, statement: LedgerStatement, done: string): Promise<void> {
  const { context, plan } = restoring
  const held = await runShort(context, {
    phase: statement.phase,
    locks: plan.moved
      .filter((m) => statement.relations.includes(shown(m.table)))
      .map(({ table }) => ({ sql: `alter table ${qualified(table)} no force row level security`, relation: table })),
    statements: [statement.sql, done],
    workLimitMs: null,
  })
  noteHeld(restoring, held)
}

/** All parts are validated, so no row is read. */
async function attachForeignKey(restoring: Restoring, statement: LedgerStatement, done: string): Promise<void> {
  const held = await runShort(restoring.context, {
    phase: statement.phase,
    locks: (restoring.plan.locks.attach ?? []).filter((l) => statement.relations.includes(shown(l.relation))),
    statements: [statement.sql, done],
  })
  noteHeld(restoring, held)
}

/** In a caller's transaction a failed statement must not take the rest with it. */
async function attemptInTransaction(
  { db, session }: RunContext,
  savepoint: string,
  attempt: () => Promise<void>,
): Promise<void> {
  if (!session.inTransaction) {
    await attempt()
    return
  }
  await run(db, `savepoint ${savepoint}`)
  try {
    await attempt()
    await run(db, `release savepoint ${savepoint}`)
  } catch (error) {
    await run(db, `rollback to savepoint ${savepoint}`)
    throw error
  }
}
