import { describe, expect, test } from 'vitest'
import { bare, count, duration, oneLine, percent, size } from '../../src/console/format.ts'
import { table } from '../../src/console/table.ts'

describe('figures', () => {
  test('durations', () => {
    expect([0, 0.5, 4.213, 85, 999.4, 999.9, 1234.5, 59_949, 59_990, 125_000, 3_780_000].map(duration)).toEqual([
      '0 ms',
      '0.5 ms',
      '4.21 ms',
      '85 ms',
      '999 ms',
      '1 s',
      '1.23 s',
      '59.9 s',
      '1 min 0 s',
      '2 min 5 s',
      '1 h 3 min',
    ])
  })

  test('sizes', () => {
    expect([0, 1, 512, 1023, 8192, 16384, 1_642_000_000, 3e15].map(size)).toEqual([
      '0 bytes',
      '1 byte',
      '512 bytes',
      '1,023 bytes',
      '8 KiB',
      '16 KiB',
      '1.53 GiB',
      '2,730 TiB',
    ])
  })

  test('counts', () => {
    expect([0, 1, 2000].map((n) => count(n, 'row'))).toEqual(['0 rows', '1 row', '2,000 rows'])
    expect(bare(1234567)).toBe('1,234,567')
  })

  test('shares are never over 100 %, and 100 % only when done', () => {
    expect([percent(0, 0), percent(1999, 2000), percent(2000, 2000), percent(2100, 2000)]).toEqual([
      '100 %',
      '99 %',
      '100 %',
      '100 %',
    ])
  })

  test('texts of others come on one line, without control characters', () => {
    expect(oneLine('  select\n\t1;\u001b[31m --\r\n x\u202e', 100)).toBe('select 1; [31m -- x')
    expect(oneLine('abcdef', 4)).toBe('abc…')
  })
})

test('columns are aligned, figures to the right', () => {
  expect(
    table(
      [{ heading: 'table' }, { heading: 'rows', right: true }],
      [
        ['a', '1,000'],
        ['größer', '2'],
      ],
    ),
  ).toEqual(['table    rows', 'a       1,000', 'größer      2'])
})
