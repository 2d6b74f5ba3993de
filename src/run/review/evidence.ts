import type { AnyKysely } from '../../any-kysely.ts'
import {
  countedSinceQuery,
  functionUseQuery,
  relationUseQuery,
  sessionUseQuery,
  statementsExtensionQuery,
  statementsSinceQuery,
  statementUseQuery,
  type Evidence,
  type FunctionUse,
  type RelationUse,
  type SessionUse,
  type StatementEvidence,
  type StatementUse,
} from '../../catalog/evidence.ts'
import { messageWithoutValues } from '../../server-error.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { readJson } from '../../catalog/read.ts'
import { hasWord } from '../../plan/refusals/kept-triggers.ts'
import { shown, type Model } from '../../plan/model.ts'
import { id } from '../../sql.ts'
import { run, sqlState } from '../query.ts'
import { withoutValues } from '../without-values.ts'

/** Looks for signs that a feature is still in use. Read-only; what the role may not see is said. */
export async function readEvidence(db: AnyKysely, model: Model): Promise<Evidence> {
  const [counted] = await readJson<{ since: string | null; now: string; functions_tracked: boolean }>(
    db,
    countedSinceQuery,
  )
  const names = wordsOf(model)
  return {
    countedSince: counted?.since ?? null,
    readAt: counted?.now ?? '',
    statements: await readStatements(db, names),
    relations: await readRelations(db, model),
    functions: {
      tracked: counted?.functions_tracked ?? false,
      used: await readJson<FunctionUse>(db, functionUseQuery(model.snapshot.routines.map((r) => r.oid))),
    },
    sessions: await readSessions(db, names),
  }
}

/** Names to look for: whole objects by themselves, columns beside their table's name. */
interface Words {
  readonly objects: readonly string[]
  readonly columns: readonly { readonly table: string; readonly column: string }[]
}

function wordsOf(model: Model): Words {
  return {
    objects: [
      ...[...model.moved, ...model.views].map((oid) => model.name(oid).name),
      ...model.snapshot.routines.map((r) => r.proname),
    ],
    columns: [...model.removed].flatMap(([oid, columns]) =>
      columns.map((c) => ({ table: model.name(oid).name, column: c.attname })),
    ),
  }
}

const search = ({ objects, columns }: Words) => [...new Set([...objects, ...columns.map((c) => c.column)])]

/** What a statement speaks of. A column's name alone may be another table's. */
function mentioned(query: string, { objects, columns }: Words): string[] {
  const text = query.toLowerCase()
  const has = (name: string) => hasWord(text, name.toLowerCase())
  return [
    ...new Set([
      ...objects.filter(has),
      ...columns.filter((c) => has(c.table) && has(c.column)).map((c) => `${c.table}.${c.column}`),
    ]),
  ]
}

async function readRelations(db: AnyKysely, model: Model): Promise<RelationUse[]> {
  const { snapshot } = model
  const indexes = snapshot.indexes.filter(
    (i) => model.isHost(i.indrelid) && model.nodes.has(`pg_class:${i.indexrelid}:0`),
  )
  const names = new Map<Oid, string>([
    ...[...model.moved].map((oid) => [oid, shown(model.name(oid))] as const),
    ...indexes.map((i) => [i.indexrelid, shown({ schema: i.nspname, name: i.relname })] as const),
  ])
  if (names.size === 0) return []
  const rows = await readJson<{
    oid: Oid
    kind: RelationUse['kind']
    reads: number
    writes: number
    last_read: string | null
  }>(
    db,
    relationUseQuery(
      [...model.moved],
      indexes.map((i) => i.indexrelid),
      snapshot.environment.major,
    ),
  )
  return rows.map(({ oid, kind, reads, writes, last_read }) => ({
    relation: names.get(oid) ?? oid,
    kind,
    reads,
    writes,
    lastRead: last_read,
  }))
}

async function readStatements(db: AnyKysely, words: Words): Promise<StatementEvidence> {
  const nothing = (unavailable: string): StatementEvidence => ({ unavailable, since: null, found: [], hidden: 0 })
  const [extension] = await readJson<{ nspname: string }>(db, statementsExtensionQuery)
  if (!extension) return nothing('the extension pg_stat_statements is not installed in this database')
  const schema = id(extension.nspname)
  try {
    const found = await inSavepoint(db, () =>
      readJson<Omit<StatementUse, 'mentions'>>(db, statementUseQuery(schema, search(words))),
    )
    const [since] = await readJson<{ since: string | null; hidden: number }>(db, statementsSinceQuery(schema))
    return {
      unavailable: null,
      since: since?.since ?? null,
      hidden: since?.hidden ?? 0,
      found: found
        .map((use) => ({ ...use, query: withoutValues(use.query), mentions: mentioned(use.query, words) }))
        .filter(({ mentions }) => mentions.length > 0),
    }
  } catch (error) {
    // 55000: it is not among shared_preload_libraries; 42501: no right to read it
    if (!['55000', '42501'].includes(sqlState(error) ?? '')) throw error
    return nothing(messageWithoutValues(error))
  }
}

/** In a caller's transaction an error of ours must not end it. */
async function inSavepoint<T>(db: AnyKysely, work: () => Promise<T>): Promise<T> {
  if (!db.isTransaction) return await work()
  await run(db, 'savepoint unship_evidence')
  try {
    const result = await work()
    await run(db, 'release savepoint unship_evidence')
    return result
  } catch (error) {
    await run(db, 'rollback to savepoint unship_evidence')
    throw error
  }
}

async function readSessions(db: AnyKysely, words: Words): Promise<Evidence['sessions']> {
  const rows = await readJson<Omit<SessionUse, 'mentions'> & { hidden: boolean }>(db, sessionUseQuery(search(words)))
  return {
    hidden: rows.filter(({ hidden }) => hidden).length,
    using: rows
      .filter(({ hidden }) => !hidden)
      .map(({ hidden: _, ...use }) => ({
        ...use,
        query: withoutValues(use.query),
        mentions: mentioned(use.query, words),
      }))
      .filter(({ mentions }) => mentions.length > 0),
  }
}
