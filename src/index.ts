export { connectionPool } from './connection.ts'
export { consoleProgress } from './console/index.ts'
export { UnshipError, isUnshipError } from './errors.ts'
export type { Suggestion, UnshipErrorCode } from './errors.ts'
export { defineFeature, isFeature } from './feature.ts'
export type { Feature, FeatureDeclaration, Without } from './feature.ts'
export type {
  CountPlan,
  HostPlan,
  LockMode,
  MovedPlan,
  Phase,
  PlannedObject,
  RemovalPlan,
  Statement,
} from './plan/plan.ts'
export { MigrationDialect } from './migration-dialect.ts'
export { guardMigrations } from './migration-guard.ts'
export { rehearse } from './rehearse/rehearse.ts'
export type { Rehearsal, RehearsalOptions, RehearsalStep } from './rehearse/rehearse.ts'
export type { LeftOut } from './rehearse/load.ts'
export { abortRemoval, abortRestore } from './run/removal/abort.ts'
export { archiveBackups } from './run/backups/archive.ts'
export type { ArchiveOptions, ArchiveReport } from './run/backups/archive.ts'
export { checkHealth } from './run/status/check-health.ts'
export type { HealthCheck } from './run/status/check-health.ts'
export { reviewRemoval } from './run/review/review-removal.ts'
export { reviewRestore } from './run/review/review-restore.ts'
export type { NothingToRemove, RemovalReview, RestoreReview } from './plan/review/review.ts'
export type { RunOptions } from './run/options.ts'
export { purgeKept } from './run/backups/purge.ts'
export type { PurgeOptions, PurgeReport } from './run/backups/purge.ts'
export { readStatus } from './run/status/read-status.ts'
export type { FeatureState, FeatureStatus } from './run/status/read-status.ts'
export type { KeptTable } from './run/backups/kept-tables.ts'
export { planRemoval } from './run/removal/plan-removal.ts'
export { removeFeature } from './run/removal/remove.ts'
export type {
  AbortReport,
  BackupReport,
  Blocker,
  PhaseReport,
  ProgressEvent,
  RemovalReport,
  RestoreReport,
  SetAside,
} from './run/report.ts'
export { restoreFeature } from './run/restore/restore.ts'
