import { stripVTControlCharacters } from 'node:util'
import { defineCommand, renderUsage, type ArgsDef } from 'citty'
import { PACKAGE_VERSION } from '../ledger/version.ts'
import { aligned } from '../console/table.ts'
import type { Command } from './command.ts'
import type { Screen } from './screen.ts'

const EXIT_CODES = `EXIT CODES

  0  done; nothing to complain of
  1  refused or failed
  2  the command line is wrong, or it is not clear which feature is meant
  3  plan --check: the database no longer matches the plan
  4  verify: something is broken
  5  rehearse: the restore was not exact, or is not proven`

/** What `unship --help` prints. */
export async function overview(commands: readonly Command[], screen: Screen): Promise<string> {
  const main = defineCommand({
    meta: {
      name: 'unship',
      version: PACKAGE_VERSION,
      description: 'Takes features out of a PostgreSQL database, and tells how it goes',
    },
    subCommands: Object.fromEntries(
      commands.map(({ name, summary }) => [name, { meta: { name, description: summary } }]),
    ),
  })
  return `${unstyled(await renderUsage(main), screen)}\n\nThe removal itself is a migration: kysely migrate:latest runs it, kysely migrate:down takes it back.\n\n${EXIT_CODES}`
}

/** What `unship <command> --help` prints. */
export async function usage(command: Command, args: ArgsDef, screen: Screen): Promise<string> {
  const shown = defineCommand({ meta: { name: command.name, description: command.summary }, args })
  const main = defineCommand({ meta: { name: 'unship', version: PACKAGE_VERSION } })
  const examples = aligned(command.examples, [false, false]).map((line) => `  ${line}`)
  const text = unstyled(await renderUsage(shown, main), screen).trimEnd()
  return [text, '', 'EXAMPLES', '', ...examples, '', EXIT_CODES].join('\n')
}

/** citty styles its text also where no terminal reads it, and fills lines with spaces, which a narrow one wraps. */
const unstyled = (text: string, { columns }: Screen) =>
  (columns === null ? stripVTControlCharacters(text) : text).replaceAll(/ +$/gm, '')
