import { createHash } from 'node:crypto'
import { MAX_IDENTIFIER_BYTES, byteLength, escaped, type QualifiedName } from './sql.ts'

/**
 * A name of ours, no longer than PostgreSQL keeps: a longer one ends in a hash
 * of the whole, so that two long names never become one.
 */
export function shortened(name: string): string {
  if (byteLength(name) <= MAX_IDENTIFIER_BYTES) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${headOf(name)}_${hash}`
}

/** What is left of a name where a hash has to follow. */
function headOf(name: string): string {
  let head = name
  while (byteLength(head) > MAX_IDENTIFIER_BYTES - 9) head = head.replace(/.$/su, '')
  return head
}

/** Table, index, sequence, type or function while its feature is removed. */
export const backupName = (name: string): string => shortened(`backup_${name}`)

/** The backup of a host table's removed columns. */
export const columnBackupName = (feature: string, host: string): string => shortened(`backup_${feature}_${host}`)

/** What a backup's name begins with while it is archived; the day follows. */
export const archiveStem = (backup: string): string => `archive_${backup.replace(/^backup_/, '')}_`

/** A regular expression of PostgreSQL's for all names that a backup may have been archived under. */
export function archivePattern(backup: string): string {
  const stem = archiveStem(backup)
  if (byteLength(`${stem}YYYY_MM_DD`) <= MAX_IDENTIFIER_BYTES)
    return `^${escaped(stem)}[0-9]{4}_[0-9]{2}_[0-9]{2}(_[0-9]{1,3}|_[0-9a-f]{8})?$`
  // shortened, it ends in a hash, perhaps after a part of the day
  return `^${escaped(headOf(stem))}[0-9_]{0,10}_[0-9a-f]{8}$`
}

/** The primary key of such a backup. */
export const backupKeyName = (backup: string): string => shortened(`${backup}_pkey`)

/** The log and function of a watch: one for each feature and host table, which two names written together are not. */
export function watchName(feature: string, table: QualifiedName): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([feature, table.schema, table.name]))
    .digest('hex')
    .slice(0, 8)
  return shortened(`watch_${feature}_${table.name}_${hash}`)
}

/** A restored column before the reveal. */
export const hiddenName = (name: string): string => shortened(`unship_hidden_${name}`)

/**
 * Splits a declared name at its dots: `name`, `schema.name`, `schema."na.me"`.
 * Letter case is kept: declared names are the names in the interface.
 */
export function parseName(text: string, defaultSchema: string): QualifiedName {
  const parts: string[] = []
  let part = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '"' && quoted && text.charAt(i + 1) === '"') {
      part += '"'
      i++
    } else if (char === '"') quoted = !quoted
    else if (char === '.' && !quoted) {
      parts.push(part)
      part = ''
    } else part += char
  }
  parts.push(part)
  const name = parts.pop() ?? ''
  return { schema: parts.length > 0 ? parts.join('.') : defaultSchema, name }
}

/** Writes a name as a declaration spells it, so that `parseName` reads it back. */
export function spellName({ schema, name }: QualifiedName, defaultSchema: string): string {
  // parentheses and outer blanks are a signature's
  const spell = (part: string) => (/[."(]|^\s|\s$/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)
  return schema === defaultSchema ? spell(name) : `${spell(schema)}.${spell(name)}`
}

/** `f(uuid, numeric(10,2))` into its name and argument types; a bare name has none. */
export function parseSignature(text: string): { name: string; argumentTypes: string[] | null } {
  const open = text.indexOf('(', closingQuote(text))
  if (open < 0) return { name: text.trim(), argumentTypes: null }
  const inner = text.slice(open + 1, text.lastIndexOf(')'))
  const types: string[] = []
  let depth = 0
  let type = ''
  let quoted = false
  for (const char of inner) {
    if (char === '"') quoted = !quoted
    if (char === '(' && !quoted) depth++
    if (char === ')' && !quoted) depth--
    if (char === ',' && depth === 0 && !quoted) {
      types.push(type.trim())
      type = ''
    } else type += char
  }
  if (type.trim() !== '') types.push(type.trim())
  return { name: text.slice(0, open).trim(), argumentTypes: types }
}

/** Where the quoted parts at the start of a signature end. */
function closingQuote(text: string): number {
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    if (text.charAt(i) === '"') quoted = !quoted
    if (text.charAt(i) === '(' && !quoted) return i
  }
  return text.length
}
