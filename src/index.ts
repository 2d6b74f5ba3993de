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
export { abortRemoval, abortRestore } from './run/abort.ts'
export { archiveBackups } from './run/archive.ts'
export type { ArchiveOptions, ArchiveReport } from './run/archive.ts'
export { checkHealth } from './run/check-health.ts'
export type { HealthCheck } from './run/check-health.ts'
export { reviewRemoval } from './run/review-removal.ts'
export { reviewRestore } from './run/review-restore.ts'
export type { NothingToRemove, RemovalReview, RestoreReview } from './plan/review.ts'
export type { RunOptions } from './run/options.ts'
export { purgeKept } from './run/purge.ts'
export type { PurgeOptions, PurgeReport } from './run/purge.ts'
export { readStatus } from './run/read-status.ts'
export type { FeatureState, FeatureStatus } from './run/read-status.ts'
export type { KeptTable } from './run/kept-tables.ts'
export { planRemoval } from './run/plan-removal.ts'
export { removeFeature } from './run/remove.ts'
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
export { restoreFeature } from './run/restore.ts'
