import { expect, test } from 'vitest'
import { escaped } from '../../src/console/markdown.ts'

test.each([
  ['a&lt;b', 'a\\&lt;b'],
  ['a&#60;b', 'a&\\#60;b'],
  ['R&D, a && b', 'R&D, a && b'],
  ['$a$', '<span>$</span>a<span>$</span>'],
  ['a<b>', 'a\\<b\\>'],
  ['_a_b_', '\\_a_b\\_'],
])('%s is text in Markdown as it is', (text, markdown) => {
  expect(escaped(text)).toBe(markdown)
})
