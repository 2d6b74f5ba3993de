import { parseName } from '../names.ts'
import type { PlannedLock } from './plan.ts'

/** `alter index "s"."a" rename to`; our statements have every name in quotes. */
const RENAMED = /^alter (?:sequence|index) ("(?:[^"]|"")+"\."(?:[^"]|"")+") rename to /

/** Sequences and indexes that go along with a table by being renamed, which locks each: who holds one of them alone is in the way too. */
export const renamedAlong = (statements: readonly string[]): PlannedLock[] =>
  statements.flatMap((sql) => {
    const [, name] = RENAMED.exec(sql) ?? []
    return name === undefined ? [] : [{ sql, relation: parseName(name, ''), part: { object: null } }]
  })
