import { AsyncLocalStorage } from 'node:async_hooks'

/** Registered, because two copies of the package may be loaded: by the configuration, and by a migration. */
const KEY = Symbol.for('kysely-unship.migration')
const shared = globalThis as typeof globalThis & { [KEY]: AsyncLocalStorage<string> | undefined }
const storage = (shared[KEY] ??= new AsyncLocalStorage<string>())

/** Runs a migration's `up`, so that the removals in it know whose they are. */
export const withinMigration = <T>(name: string, up: () => T): T => storage.run(name, up)

/** The migration whose `up` is running; null outside of migrations that are guarded. */
export const currentMigration = (): string | null => storage.getStore() ?? null
