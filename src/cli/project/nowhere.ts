import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type LogConfig,
} from 'kysely'
import type { AnyKysely } from '../../any-kysely.ts'

/** A database without rows: all migrations are pending in it. */
export const nowhere = (log: LogConfig = []): AnyKysely =>
  new Kysely({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    log,
  })
