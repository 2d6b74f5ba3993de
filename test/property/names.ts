/** Names that make trouble where quoting is forgotten; the first are the ones that a failure shrinks to. */
const NAMES = [
  'plain',
  'other',
  'third',
  'Mixed Case',
  'wei.rd',
  'qu"ote',
  "apo'strophe",
  'select',
  'ünïcödé',
  'new',
  'old',
  'a'.repeat(63),
  '漢字'.repeat(10),
  '1st',
  'trailing space ',
  '$body$',
  'percent%I',
  'back\\slash',
  'user',
  'paren(s)',
  'comma, semi;colon',
  '-- comment',
]

/** Of these, a table and two of its columns give sequences different names. */
export const SHORT = 11

const bytes = (text: string) => Buffer.byteLength(text)

/** Gives out names from the list, each once within its scope. */
export class Names {
  readonly #taken = new Set<string>()

  /** @param other a scope in which it must be free too */
  next(choice: number, other: Names = this): string {
    const base = NAMES[choice % NAMES.length] ?? 'plain'
    let name = base
    for (let n = 2; this.#taken.has(name) || other.#taken.has(name); n++) {
      let head = base
      while (bytes(`${head}_${n}`) > 63) head = head.slice(0, -1)
      name = `${head}_${n}`
    }
    this.#taken.add(name)
    other.#taken.add(name)
    return name
  }
}
