import type { AnyKysely } from '../../any-kysely.ts'
import {
  publishersOfKeptQuery,
  readersOfAllQuery,
  readersOfKeptQuery,
  type Publisher,
  type Reader,
} from '../../catalog/health.ts'
import { readJson } from '../../catalog/read.ts'
import type { QualifiedName } from '../../sql.ts'
import type { HealthCheck } from '../status/check-health.ts'

/** Who else gets to see what is kept. */
export async function keptReaders(
  db: AnyKysely,
  feature: string,
  kept: readonly QualifiedName[],
): Promise<HealthCheck[]> {
  const some = kept.length > 0
  const granted = some ? await readJson<Reader>(db, readersOfKeptQuery(kept)) : []
  const publishers = some ? await readJson<Publisher>(db, publishersOfKeptQuery(kept)) : []
  const ofAll = some ? await readJson<{ table: string; role: string }>(db, readersOfAllQuery(kept)) : []
  const found = [
    ...granted.map(({ table, role, on }) => `${table}: ${role} has privileges${on === null ? '' : ` on ${on}`}`),
    ...publishers
      .filter((p) => p.named)
      .map(({ table, publication: p }) => `${table}: publication ${p} sends its rows`),
  ]
  const check = 'nobody but their owners can read what is kept'
  return [
    { feature, check, result: found.length > 0 ? 'problem' : 'ok', found },
    // as they do all tables: that is for whoever made them so to know
    ...noteIf(
      feature,
      'nobody reads what is kept because of a right to read all tables',
      ofAll.map(({ table, role }) => `${table}: ${role} is a member of pg_read_all_data`),
    ),
    ...noteIf(
      feature,
      'nothing that is kept is published with all tables',
      publishers
        .filter((p) => !p.named)
        .map(
          (p) =>
            `${p.table}: publication ${p.publication} sends the rows of all tables${p.all ? '' : ' in its schema'}`,
        ),
    ),
  ]
}

const noteIf = (feature: string, check: string, found: readonly string[]): HealthCheck[] =>
  found.length > 0 ? [{ feature, check, result: 'note', found }] : []
