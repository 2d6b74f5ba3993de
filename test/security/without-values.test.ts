import { describe, expect, test } from 'vitest'
import { withoutValues } from '../../src/run/without-values.ts'

describe('the text of a statement without its values', () => {
  test.each([
    [
      `select 'a', E'b', 12.5, x from t1 where y = $1 limit 10`,
      `select '...', '...', ..., x from t1 where y = $1 limit ...`,
    ],
    [`select 'it''s', "it's", "t 1" from "a""b"`, `select '...', "it's", "t 1" from "a""b"`],
    [`select $q$ a 'b' $q$, $$c$$ /* d */ -- e`, `select '...', '...'  `],
    [`alter role x password 'unfinished`, `alter role x password '...'`],
    [String.raw`select 'C:\', 'secret'`, 'select ...'],
    [`select U&'x', b'01', n'y', 0x1F, 1e5`, `select '...', b'...', n'...', ..., ...`],
  ])('%s', (query, shown) => {
    expect(withoutValues(query)).toBe(shown)
  })
})
