import { literal } from '../sql.ts'

/** What the texts of values depend on: under these they are exact, and are read as they were written. */
const SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
}

/** For a session that makes values of texts. */
export const readTexts: string = Object.entries(SETTINGS)
  .map(([name, value]) => `set ${name} to ${literal(value)}`)
  .join('; ')

/** For a transaction that writes texts of values. */
export const writeTexts: string = setLocally({
  ...SETTINGS,
  // names that are values, of regclass and its like, are qualified
  search_path: '',
})

/** For one transaction. */
export function setLocally(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `set local ${name} to ${literal(value)}`)
    .join('; ')
}
