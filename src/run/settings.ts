import type { AnyKysely } from '../any-kysely.ts'
import { literal } from '../sql.ts'
import { row, run } from './query.ts'

/** Values by name; null for one that is not set. */
export type Settings = Readonly<Record<string, string | null>>

/** What these settings are now. */
export async function readSettings(db: AnyKysely, names: readonly string[]): Promise<Settings> {
  const read = names.map((name) => `${literal(name)}, pg_catalog.current_setting(${literal(name)}, true)`)
  const { values } = await row<{ values: string }>(
    db,
    `select pg_catalog.json_build_object(${read.join(', ')})::text as values`,
  )
  return JSON.parse(values) as Settings
}

/** Sets them for the session, or for the present transaction only. */
export async function changeSettings(db: AnyKysely, settings: Settings, local: boolean): Promise<void> {
  const set = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config(${literal(name)}, ${literal(value ?? '')}, ${String(local)})`,
  )
  await run(db, `select ${set.join(', ')}`)
}

/** Works with other settings, and puts back those that were there. */
export async function withSettings(
  db: AnyKysely,
  settings: Settings,
  local: boolean,
  work: () => Promise<void>,
): Promise<void> {
  const before = await readSettings(db, Object.keys(settings))
  await changeSettings(db, settings, local)
  let failed = true
  try {
    await work()
    failed = false
  } finally {
    await changeSettings(db, before, local).catch((error: unknown) => {
      // the first error says more
      if (!failed) throw error
    })
  }
}
