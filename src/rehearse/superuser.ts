/*
 * Statements of a dump that only superusers may run, and that run nothing of what its authors wrote: each is matched to
 * its end. Owners are left aside.
 */

const NAME = String.raw`(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")`
const TEXT = String.raw`'(?:[^'\\]|'')*'`

const ALLOWED = [
  `CREATE EXTENSION IF NOT EXISTS ${NAME} WITH SCHEMA ${NAME}`,
  `COMMENT ON EXTENSION ${NAME} IS ${TEXT}`,
  String.raw`CREATE EVENT TRIGGER ${NAME} ON ${NAME}(?:\s+WHEN TAG IN \(${TEXT}(?:, ${TEXT})*\))?\s+EXECUTE FUNCTION ${NAME}\.${NAME}\(\)`,
  String.raw`CREATE PUBLICATION ${NAME} FOR ALL TABLES(?: WITH \(publish = ${TEXT}(?:, [a-z_]+ = [a-z]+)*\))?`,
  `ALTER PUBLICATION ${NAME} ADD TABLES IN SCHEMA ${NAME}`,
].map((statement) => new RegExp(`^${statement};$`))

const OWNER = new RegExp(`^ALTER (?:EVENT TRIGGER|PUBLICATION) ${NAME} OWNER TO ${NAME};$`)

/** The statements that a superuser may run instead of an entry; null where it has others. */
export function bySuperuser(sql: string): string[] | null {
  const statements = sql
    .trim()
    .split(/(?<=;)\n+/)
    .filter((statement) => !OWNER.test(statement))
  return statements.every((statement) => ALLOWED.some((allowed) => allowed.test(statement))) ? statements : null
}
