import { restored, untouched } from './verdict.ts'

const published = restored('the same publication takes the table in again')

export const pg_publication_rel = {
  oid: untouched('the server keeps it for itself; no dump shows it'),
  prpubid: published,
  prrelid: published,
  prqual: restored('the row filter, as PostgreSQL prints it', 'one that reads a removed column'),
  prattrs: restored('the column list; without the removed columns while they are away', 'one of removed columns alone'),
} as const
