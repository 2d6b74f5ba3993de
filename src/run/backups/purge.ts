import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import { checkedName } from '../../feature/validate.ts'
import { PURGED, readRuns, type Archive, type RunRecord } from '../../ledger/history.ts'
import { recordEvent } from '../../ledger/entries.ts'
import { openLedger } from '../../ledger/open.ts'
import { whoAndWhy } from '../../ledger/who.ts'
import { dollarQuote, literal, qualified } from '../../sql.ts'
import { checkedOptions } from '../checked-options.ts'
import { RunContext } from '../context.ts'
import { refuseDisowned, type Supposed } from './disowned.ts'
import { dropBesides } from './drop-besides.ts'
import { readKept, type KeptTable } from './kept-tables.ts'
import { damaged } from './removal-state.ts'
import type { RunOptions } from '../options.ts'
import { todayName } from './kept-names.ts'
import { sayingWhatLedger } from '../ledger-errors.ts'
import { DEPENDENT_OBJECTS_STILL_EXIST, sqlState } from '../query.ts'
import { withFeatureLock, withSession } from '../session.ts'
import { runShort } from '../short.ts'
import { isRevealed } from '../status/broke-off.ts'

export interface PurgeOptions extends Pick<RunOptions, 'actor' | 'reason' | 'lockTimeoutMs' | 'lockAttempts'> {
  /** Drop what is past its day, and with `confirmed` nothing else either. */
  readonly due?: boolean
  /** Drop what nothing depends on, whatever its day. */
  readonly confirmed?: boolean
  /** Drop backups too that a removal depends on: after that there is no restore. And values that are nowhere else. */
  readonly forceDataLoss?: boolean
}

/** A kept table, and what a purge does with it. */
export interface PurgeDecision extends KeptTable {
  readonly drop: boolean
  readonly why: string
}

export interface PurgeReport {
  readonly feature: string
  readonly dropped: readonly PurgeDecision[]
  readonly kept: readonly PurgeDecision[]
}

/**
 * Drops tables that a feature's runs have kept, and records it in the ledger: what
 * is past its day (`due`), or what nothing depends on (`confirmed`); with both, only what is past its day. Backups that a
 * removal depends on, and values that a restore had no place for, go only with `forceDataLoss`
 * on top of either; where the backups have gone, a restore refuses with `backups_purged`.
 * With none of the three it only tells what it would do.
 *
 * Locks the dropped tables alone. Never drops anything that depends on them.
 *
 * @throws {UnshipError} `data_loss` where it is confirmed, not by day, and all that there is is needed; `wrong_state` where a run broke off.
 *
 * @example
 * await purgeKept(db, programPartner, { due: true })
 */
export async function purgeKept(
  db: AnyKysely,
  feature: { readonly name: string },
  options: PurgeOptions = {},
): Promise<PurgeReport> {
  const name = checkedName(feature)
  const checked = checkedOptions(options)
  return await sayingWhatLedger(() =>
    withSession(db, async (session) => {
      const context = new RunContext(session, { name }, checked)
      const patience = { attempts: checked.lockAttempts, signal: undefined }
      return await withFeatureLock(session, name, patience, () => purgeLocked(context, checked))
    }),
  )
}

async function purgeLocked(context: RunContext, options: PurgeOptions): Promise<PurgeReport> {
  const { db, feature } = context
  const drops = options.due === true || options.confirmed === true || options.forceDataLoss === true
  if (drops) await openLedger(db)
  const runs = await readRuns(db, feature)
  const unfinished = runs.find(({ state }) => state === 'running')
  // it may need any of them, or be about to write them
  if (unfinished && drops) throw brokeOff(unfinished)
  const today = await todayName(db)
  const {
    tables,
    archives,
    damaged: [unknown],
  } = await readKept(db, runs)
  if (unknown) throw damaged(unknown)
  const decisions = tables
    .filter(({ bytes }) => bytes !== null)
    .map((table) => ({ ...table, ...(beingCompared(table, unfinished) ?? decide(table, options, today)) }))
  const dropped = decisions.filter(({ drop }) => drop)
  await refuseDisowned(db, feature, supposed(dropped, archives), 'Nothing was dropped.')
  const kept = decisions.filter(({ drop }) => !drop)
  if (options.confirmed && !options.due && dropped.length === 0 && kept.some(({ needed }) => needed))
    throw dataLoss(feature, kept)
  if (dropped.length > 0) await drop(context, dropped, options)
  return { feature, dropped, kept }
}

/** Of a restore past its reveal; nothing is dropped while a run is unfinished. */
const beingCompared = ({ needed }: KeptTable, unfinished: RunRecord | undefined) =>
  needed && unfinished?.direction === 'restore' && isRevealed(unfinished.phase)
    ? { drop: false, why: 'the feature is back, and its restore, which has not ended, is to archive it' }
    : null

/** Archives and backups of removals: the rest has names of its own. */
const supposed = (tables: readonly KeptTable[], archives: ReadonlyMap<string, Archive>): Supposed[] =>
  tables
    .filter(({ needed }) => needed)
    .map(({ run, name }) => ({
      ...{ run, name },
      backup: archives.get(run)?.tables.find(({ archive }) => qualified(archive) === qualified(name))?.backup ?? name,
    }))

/** What becomes of a table; pure. */
export function decide(
  { kind, needed, keepUntil, unplaced }: Pick<KeptTable, 'kind' | 'needed' | 'keepUntil' | 'unplaced'>,
  { due = false, confirmed = false, forceDataLoss = false }: PurgeOptions,
  today: string,
): Pick<PurgeDecision, 'drop' | 'why'> {
  const past = keepUntil !== null && keepUntil < today
  // a day that was agreed is not over because somebody confirms: where both are asked, both hold
  const asked = due ? past : confirmed
  const until =
    keepUntil === null
      ? 'nobody has said until when it is kept'
      : past
        ? `past its day, ${keepUntil}`
        : `kept until ${keepUntil}`
  if (needed && !forceDataLoss) return { drop: false, why: 'the removal depends on it: without it there is no restore' }
  // its rows are nowhere else
  if (kind === 'set aside' && !forceDataLoss) return { drop: false, why: 'its rows have no other place' }
  if (unplaced > 0 && !forceDataLoss)
    return { drop: false, why: `values of rows that the table had no more are nowhere else: ${String(unplaced)}` }
  if (asked) return { drop: true, why: due ? until : 'confirmed' }
  return { drop: false, why: until }
}

async function drop(context: RunContext, tables: readonly PurgeDecision[], options: PurgeOptions): Promise<void> {
  const removal = tables.find(({ needed }) => needed)?.run
  const statements = [
    ...tables.map(({ name }) => `drop table ${qualified(name)}`),
    ...(removal === undefined ? [] : await dropBesides(context.db, removal)),
  ]
  const { actor, reason } = whoAndWhy(options)
  try {
    await runShort(context, {
      phase: 'record',
      locks: tables.map(({ name }) => ({
        sql: `lock table only ${qualified(name)} in access exclusive mode`,
        relation: name,
      })),
      statements: [
        dropInAnyOrder(statements),
        ...[...new Set(tables.map(({ run }) => run))].map((run) =>
          recordEvent(run, PURGED, {
            tables: tables.filter((t) => t.run === run).map((t) => t.table),
            actor,
            reason,
            forced: options.forceDataLoss ?? false,
          }),
        ),
      ],
    })
  } catch (error) {
    if (sqlState(error) !== DEPENDENT_OBJECTS_STILL_EXIST) throw error
    throw new UnshipError({
      code: 'data_loss',
      message: `something depends on the backups of feature ${context.feature}`,
      detail: [error instanceof Error ? error.message : String(error), dependentsIn(error)].filter(Boolean).join('\n'),
      hint: 'Drop it first, if it may go. Nothing was dropped.',
      cause: error,
    })
  }
}

/** What the server lists below its message. */
const dependentsIn = (error: unknown): string =>
  error instanceof Error && 'detail' in error && typeof error.detail === 'string' ? error.detail : ''

/** Drops that may need each other, until all are done; anything else that depends on one of them ends it. */
function dropInAnyOrder(statements: readonly string[]): string {
  const list = statements.map((sql) => literal(sql)).join(', ')
  return `do ${dollarQuote(
    `
declare
  todo text[] := array[${list}]::text[];
  rest text[];
  statement text;
  said text;
  dependents text;
begin
  while pg_catalog.cardinality(todo) > 0 loop
    rest := '{}';
    foreach statement in array todo loop
      begin
        execute statement;
      exception when dependent_objects_still_exist then
        rest := pg_catalog.array_append(rest, statement);
        get stacked diagnostics said = message_text, dependents = pg_exception_detail;
      end;
    end loop;
    if pg_catalog.cardinality(rest) = pg_catalog.cardinality(todo) then
      raise exception using errcode = '${DEPENDENT_OBJECTS_STILL_EXIST}', message = said, detail = dependents;
    end if;
    todo := rest;
  end loop;
end`,
    'purge',
  )}`
}

/** No session is running it: it would hold the feature's lock. */
const brokeOff = ({ id, feature, direction, phase }: RunRecord) =>
  new UnshipError({
    code: 'wrong_state',
    message: `nothing of feature ${feature} is dropped while its ${direction} is unfinished`,
    detail: `Run ${id} broke off in phase "${phase}".`,
    hint: 'Finish it, or take it back: unship status tells how. Nothing was dropped.',
  })

const dataLoss = (feature: string, kept: readonly PurgeDecision[]) =>
  new UnshipError({
    code: 'data_loss',
    message: `the removal of feature ${feature} depends on its backups`,
    detail: kept.map(({ table, why }) => `${table}: ${why}.`).join('\n'),
    hint: 'Nothing was dropped. --force-data-loss drops them; after that the feature cannot be restored from this database.',
  })
