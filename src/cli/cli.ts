import { parseArgs, type ArgsDef } from 'citty'
import { UnshipError } from '../errors.ts'
import { PACKAGE_VERSION } from '../ledger/version.ts'
import { commonArgs, type Arguments, type Command } from './command.ts'
import { commands } from './commands/index.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { fail } from './failure.ts'
import { overview, usage } from './help.ts'
import { screenOf } from './screen.ts'

/** Runs the command that a command line names, and gives the code to end with. Never throws. */
export async function cli(words: readonly string[]): Promise<ExitCode> {
  const screen = screenOf(words.includes('--json'))
  try {
    const asksHelp = words.some((word) => word === '--help' || word === '-h')
    // of the options, this one says nothing of the command: it may come first
    const [name, ...rest] = words[0] === '--json' ? [...words.slice(1), '--json'] : words
    if (name === '--version' || name === '-v') {
      screen.print(PACKAGE_VERSION)
      return EXIT.ok
    }
    if (name === undefined || name.startsWith('-')) {
      const unknown = words.find((word) => !['--help', '-h', '--json'].includes(word))
      if (unknown !== undefined) throw unknownCommand(unknown)
      if (screen.json && !asksHelp) throw noCommand()
      screen.printFolded(await overview(commands, screen))
      return asksHelp ? EXIT.ok : EXIT.usage
    }
    const command = commands.find((candidate) => candidate.name === name)
    if (!command) throw unknownCommand(name)
    const definitions = { ...command.args, ...commonArgs }
    if (asksHelp) {
      screen.printFolded(await usage(command, definitions, screen))
      return EXIT.ok
    }
    return await command.run({ args: parsed(command, definitions, rest), screen })
  } catch (error) {
    return fail(error, screen)
  }
}

/**
 * citty's parser lets unknown options pass, and takes a missing value for an empty one, the next
 * option for a value, and `--flag=no` for a yes: a typing error must not.
 */
function parsed(command: Command, definitions: ArgsDef, words: readonly string[]): Arguments {
  const known = new Set(Object.entries(definitions).flatMap(([name, def]) => [name, ...aliases(def)]))
  const answered = Object.keys(definitions).find(
    (name) => definitions[name]?.type === 'boolean' && words.some((word) => kebab(word).startsWith(`--${name}=`)),
  )
  if (answered !== undefined) throw wrongUsage(command, `option --${answered} takes no value`)
  const args = parseArgs([...words], withoutEnums(definitions))
  const unknown = Object.keys(args).find((name) => name !== '_' && !known.has(name) && !known.has(kebab(name)))
  if (unknown !== undefined)
    throw wrongUsage(command, `unknown option ${unknown.length === 1 ? '-' : '--'}${kebab(unknown)}`)
  const positionals = Object.values(definitions).filter((def) => def.type === 'positional').length
  const tooMany = args._[positionals]
  if (tooMany !== undefined) throw wrongUsage(command, `unexpected argument "${tooMany}"`)
  const result: Record<string, string | boolean | undefined> = {}
  for (const [name, def] of Object.entries(definitions)) {
    const value: unknown = args[name]
    const missing = value === '' || (def.type !== 'positional' && typeof value === 'string' && value.startsWith('--'))
    if (missing && def.type !== 'boolean') throw wrongUsage(command, `option --${name} needs a value`)
    if (def.type === 'enum' && typeof value === 'string' && !def.options?.includes(value))
      throw wrongUsage(
        command,
        `--${name} is "${value}", which is none of ${def.options?.join(', ') ?? ''}`,
        definitions[value]?.type === 'boolean' ? `That is an option of its own: --${value}. ` : '',
      )
    if (typeof value === 'string' || typeof value === 'boolean') result[name] = value
  }
  return result
}

/** citty's own complaint of a wrong choice is coloured, whoever reads it. */
const withoutEnums = (definitions: ArgsDef): ArgsDef =>
  Object.fromEntries(
    Object.entries(definitions).map(([name, def]) => [name, def.type === 'enum' ? { ...def, type: 'string' } : def]),
  )

const kebab = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function aliases(definition: ArgsDef[string]): readonly string[] {
  const alias = 'alias' in definition ? definition.alias : undefined
  return typeof alias === 'string' ? [alias] : (alias ?? [])
}

const wrongUsage = ({ name }: Command, message: string, hint = '') =>
  new UnshipError({ code: 'invalid_usage', message, hint: `${hint}unship ${name} --help shows how it is used.` })

const wrongCommand = (message: string) =>
  new UnshipError({
    code: 'invalid_usage',
    message,
    detail: `Commands: ${commands.map((command) => command.name).join(', ')}.`,
    hint: 'unship --help shows what each does.',
  })

const unknownCommand = (name: string) =>
  wrongCommand(name.startsWith('-') ? `unknown option ${name}` : `there is no command "${name}"`)

const noCommand = () => wrongCommand('no command is given')
