import { literal } from '../sql.ts'

/** What the texts of values depend on: under these it is exact. */
const SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  // names that are values, of regclass and its like, are qualified
  search_path: '',
}

/** For a transaction that writes texts of values. */
export const writeTexts: string = Object.entries(SETTINGS)
  .map(([name, value]) => `set local ${name} to ${literal(value)}`)
  .join('; ')
