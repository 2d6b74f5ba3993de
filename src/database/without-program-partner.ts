import type { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import type { Without } from '../feature.ts'
import type { BackupTables } from './backup-tables.ts'
import type { DatabaseWithProgramPartner } from './with-program-partner.ts'

/** What the removal leaves of the feature: the tables of the runbook's "Backup Tables Created". */
export type ProgramPartnerBackups = BackupTables<DatabaseWithProgramPartner, typeof programPartner>

/** The demo CRM while its program partner feature is removed. */
export type DatabaseWithoutProgramPartner = Without<DatabaseWithProgramPartner, typeof programPartner> &
  ProgramPartnerBackups
