import type { AnyKysely } from '../../any-kysely.ts'
import { text, type Arguments } from '../command.ts'
import { loadProject } from './config.ts'
import { withDatabase } from './database.ts'
import { readFeatures, type FoundFeature } from './migrations.ts'
import { selectFeature } from './select.ts'

/** The project that a command works in, and its database. */
export interface OpenProject {
  readonly db: AnyKysely
  /** Features that the migrations export. */
  features(): Promise<readonly FoundFeature[]>
  /** The one that is meant. */
  feature(named: string | undefined): Promise<FoundFeature>
}

/** Loads the project's configuration and connects to its database, for the time of a command. */
export async function withProject<T>(args: Arguments, work: (project: OpenProject) => Promise<T>): Promise<T> {
  const project = await loadProject({ config: text(args, 'config'), environment: text(args, 'environment') })
  return await withDatabase(project, async (db) => {
    const features = () => readFeatures(project, db)
    return await work({ db, features, feature: async (named) => selectFeature(await features(), named) })
  })
}
