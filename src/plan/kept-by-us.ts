import type { Model } from './model.ts'
import { columnBackupFor, storedColumns } from './objects/host.ts'
import { backupNameFor } from './objects/moved.ts'
import { qualified } from '../sql.ts'

/** A table of ours that keeps what an earlier removal or restore put there; its columns may go on using the feature's types. */
export const isKeptByUs = (model: Model, oid: string): boolean => {
  const { relname, description } = model.relation(oid)
  return /^(archive|set_aside)_/.test(relname) && (description?.includes('kysely-unship') ?? false)
}

/** It has a name that the removal gives to a backup, as what a broken run has left may: that is refused, whatever is in it. */
export const hasBackupsName = (model: Model, oid: string): boolean =>
  [
    ...[...model.removed.keys()]
      .filter((host) => storedColumns(model, host).length > 0)
      .map((host) => columnBackupFor(model, host)),
    ...[...model.moved].map((table) => backupNameFor(model, table)),
  ].some((backup) => qualified(backup) === qualified(model.name(oid)))
