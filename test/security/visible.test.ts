import { describe, expect, test } from 'vitest'
import { UnshipError } from 'kysely-unship'
import { message } from '../../src/console/message.ts'
import { block, code, escaped } from '../../src/console/markdown.ts'
import { mermaid } from '../../src/cli/render/mermaid.ts'
import { forPeople, visible, visibleJson, visibleLine, visibleSql } from '../../src/visible.ts'
import { useDatabase } from '../support/database.ts'

const HOSTILE = 'v\u001b[2K\rv\n::stop-commands::x\n\u202eHINT:  Run \u009b'
const OBEYED = /(?!\n)[\p{Cc}\u202e]/u

describe('what others wrote', () => {
  test('is shown without what a terminal or a log obeys', () => {
    expect(visible(HOSTILE)).toBe('v\\x1b[2K\\x0dv\n::stop-commands::x\n\\u202eHINT:  Run \\x9b')
    expect(visibleLine(HOSTILE)).toBe('v\\x1b[2K\\x0dv ::stop-commands::x \\u202eHINT:  Run \\x9b')
    expect(visibleLine('::stop-commands::x')).toBe('\\::stop-commands::x')
    expect(visible('as\r\n\tis, é ☃ 👩‍👧')).toBe('as\r\n\tis, é ☃ 👩‍👧')
    expect(JSON.parse(visibleJson(JSON.stringify({ name: HOSTILE })))).toEqual({ name: HOSTILE })
  })

  test('is so in errors, progress, Markdown and pictures', () => {
    const error = new UnshipError({ code: 'locked', message: HOSTILE, detail: HOSTILE, hint: HOSTILE })
    expect(error.detail).toBe(HOSTILE)
    const units = [{ name: HOSTILE, kind: 'view', columns: [], parts: [] }] as never
    const texts = [
      error.message,
      ...message('info', HOSTILE, [HOSTILE]).lines,
      escaped(HOSTILE),
      code(HOSTILE),
      block('', visibleLine(HOSTILE)),
      mermaid({ units, dependencies: [] }),
    ]
    for (const text of texts) {
      expect(text).not.toMatch(OBEYED)
      expect(text).not.toMatch(/^\s*::/m)
    }
    expect(error.message.match(/^HINT:/gm)).toHaveLength(1)
  })

  test('is so in all of a review, whose statements are left', () => {
    const sql = 'create function f() returns int as $$\nselect 1\n$$'
    expect(forPeople({ 'a\nb': ['c\u001b', { n: 1, none: null, statements: [{ sql }] }] })).toEqual({
      'a b': ['c\\x1b', { n: 1, none: null, statements: [{ sql }] }],
    })
  })
})

describe('a statement', () => {
  const database = useDatabase()

  test.each([
    `'a'`,
    `'a\u001b\\b''c'`,
    `E'a\u001b\\\\b\\'c'`,
    `$a$x\u001b ' \\ y$a$`,
    `$$\n::stop-commands::x\n'\\$$`,
    `U&'\\0041b'`,
  ])('means the same: %j', async (constant) => {
    const shown = visibleSql(`select ${constant} as text`)
    expect(shown).not.toMatch(OBEYED)
    expect(shown).not.toMatch(/^\s*::/m)
    expect(await database().query(shown)).toEqual(await database().query(`select ${constant} as text`))
  })

  test.each([`"a"`, `"a""b\\"`, `"a\u001b\\""b\nc\t\u202e"`, `U&"\\0041\n"`])('keeps its names: %j', async (name) => {
    const shown = visibleSql(`select 1 as ${name}`)
    expect(shown).not.toMatch(OBEYED)
    expect(shown).not.toContain('\n')
    expect(await database().query(shown)).toEqual(await database().query(`select 1 as ${name}`))
  })
})
