import { consola, createConsola } from 'consola'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { consolaOutput } from '../../src/console/output.ts'

/** A terminal of 100 columns that keeps what was written. */
function terminal(isTTY = true) {
  const written: string[] = []
  const stream = { isTTY, columns: 100, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream
  return { stream, written }
}

const ERASE = '\r\u001b[2K'
const level = consola.level
const info = vi.fn()

beforeEach(() => {
  consola.level = 3
  consola.mockTypes(() => info)
})

afterEach(() => {
  consola.level = level
  consola.mockTypes()
  consola.restoreAll()
  info.mockReset()
})

describe('on a terminal', () => {
  test('a line is drawn over the last one, and taken away before a message', () => {
    const { stream, written } = terminal()
    const output = consolaOutput({}, stream)
    output.draw('one')
    output.draw('two')
    output.print({ type: 'info', lines: ['a', '  b'] })
    output.print({ type: 'info', lines: ['c'] })
    expect(written).toEqual([`${ERASE}one`, `${ERASE}two`, ERASE])
    expect(info.mock.calls).toEqual([['a\n  b'], ['c']])
    expect(output.columns).toBe(100)
  })

  test('nothing is drawn where consola is quiet', () => {
    const { stream, written } = terminal()
    consola.level = 1
    consolaOutput({}, stream).draw('one')
    expect(written).toEqual([])
  })
})

test.each([
  ['a pipe', {}, false],
  ['a pipeline', { CI: 'true' }, true],
  ['a pipeline that says 1', { CI: '1' }, true],
  ['a terminal that cannot', { TERM: 'dumb' }, true],
])('nothing is drawn on %s', (_, environment, isTTY) => {
  const { stream, written } = terminal(isTTY)
  const output = consolaOutput(environment, stream)
  output.draw('one')
  output.draw(null)
  expect(output.columns).toBeNull()
  expect(written).toEqual([])
})

test('names that hold the markup of consola are printed as they are', () => {
  const { reporters, stdout } = consola.options
  const { stream, written } = terminal()
  Object.assign(stream, { on: () => stream, off: () => stream, listenerCount: () => 0 })
  try {
    consola.mockTypes()
    Object.assign(consola.options, { reporters: createConsola({ fancy: true }).options.reporters, stdout: stream })
    const lines = ['"od`d|s"."ho`st"', '  moved: _old_ , _older_ and `it`']
    consolaOutput({}, stream).print({ type: 'info', lines })
    for (const line of lines) expect(written.join('')).toContain(line)
  } finally {
    Object.assign(consola.options, { reporters, stdout })
  }
})
