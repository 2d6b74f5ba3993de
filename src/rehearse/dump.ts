/** One entry of a plain dump: what it makes, and the statements that make it. */
export interface DumpEntry {
  /** `TABLE public.contacts` */
  readonly what: string
  readonly sql: string
}

const HEADER = /^--\n-- (?:Data for )?Name: (?<name>.*); Type: (?<type>.*?); Schema: (?<schema>.*?);.*\n--\n/gm

/**
 * Cuts what `pg_dump --schema-only` writes at the comments that stand before each entry, so that
 * one that cannot be loaded (of an extension that is not there) does not stop the others.
 */
export function dumpEntries(dump: string): DumpEntry[] {
  // psql's own commands
  const text = dump.replace(/^\\(?:restrict|unrestrict|connect)\b.*$/gm, '')
  const heads = [...text.matchAll(HEADER)]
  const settings = text.slice(0, heads[0]?.index ?? text.length)
  return [
    // one each: those of a newer pg_dump are unknown to an older server
    ...(settings.match(/^(?:set|select) .*;$/gim) ?? []).map((sql) => ({ what: 'setting', sql })),
    ...heads.map((head, n) => {
      const { name = '', type = '', schema = '-' } = head.groups ?? {}
      return {
        what: schema === '-' ? `${type} ${name}` : `${type} ${schema}.${name}`,
        sql: text.slice(head.index + head[0].length, heads[n + 1]?.index ?? text.length),
      }
    }),
  ]
}

/** Whether an entry belongs to our ledger: a rehearsal begins with an empty one. */
export const isOfLedger = ({ what }: DumpEntry): boolean => / unship(?:\.|$)/.test(what)

/** The major of the server that a dump is of. */
export function majorOfDump(dump: string): number | undefined {
  const found = /^-- Dumped from database version (\d+)/m.exec(dump)
  return found ? Number(found[1]) : undefined
}
