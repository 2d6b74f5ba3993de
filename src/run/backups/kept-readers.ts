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

/** Who was given privileges on what is kept, or gets it by a publication to which it was added: a line for each. */
export const readersOfKept = async (db: AnyKysely, kept: readonly QualifiedName[]): Promise<string[]> =>
  (await readReaders(db, kept)).found

async function readReaders(
  db: AnyKysely,
  kept: readonly QualifiedName[],
): Promise<{ found: string[]; wide: Publisher[] }> {
  if (kept.length === 0) return { found: [], wide: [] }
  const granted = await readJson<Reader>(db, readersOfKeptQuery(kept))
  const publishers = await readJson<Publisher>(db, publishersOfKeptQuery(kept))
  const found = [
    ...granted.map(({ table, role, on }) => `${table}: ${role} has privileges${on === null ? '' : ` on ${on}`}`),
    ...publishers
      .filter((p) => p.named)
      .map(({ table, publication: p }) => `${table}: publication ${p} sends its rows`),
  ]
  return { found, wide: publishers.filter((p) => !p.named) }
}

/** Who else gets to see what is kept. */
export async function keptReaders(
  db: AnyKysely,
  feature: string,
  kept: readonly QualifiedName[],
): Promise<HealthCheck[]> {
  const { found, wide } = await readReaders(db, kept)
  const ofAll = kept.length > 0 ? await readJson<{ table: string; role: string }>(db, readersOfAllQuery(kept)) : []
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
      wide.map(
        (p) => `${p.table}: publication ${p.publication} sends the rows of all tables${p.all ? '' : ' in its schema'}`,
      ),
    ),
  ]
}

const noteIf = (feature: string, check: string, found: readonly string[]): HealthCheck[] =>
  found.length > 0 ? [{ feature, check, result: 'note', found }] : []
