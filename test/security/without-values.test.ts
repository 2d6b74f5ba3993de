import { describe, expect, test } from 'vitest'
import { withoutValues } from '../../src/run/without-values.ts'
import { statementWithoutPasswords } from '../../src/secrets.ts'

describe('the text of a statement without its values', () => {
  test.each([
    [
      `select 'a', E'b', 12.5, x from t1 where y = $1 limit 10`,
      `select '...', '...', ..., x from t1 where y = $1 limit ...`,
    ],
    [`select 'it''s', "it's", "t 1" from "a""b"`, `select '...', "it's", "t 1" from "a""b"`],
    [`select $q$ a 'b' $q$, $$c$$ /* d */ -- e`, `select '...', '...'  `],
    ['select $q1$secret$q1$, $\u00e9$secret$\u00e9$', `select '...', '...'`],
    [`/* a /* b */ it's */ select 'secret'`, ` select '...'`],
    ['select $a$ $A$ secret $a$, a$b$c, $1, $2$secret', `select '...', a$b$c, $1, $2$secret`],
    [`select 1 /* a /* b */ 'secret'`, 'select ... '],
    [`select e'a''b', x'1F', U&"a" from nameE'c'`, `select '...', x'...', U&"a" from nameE'...'`],
    [`alter role x password 'unfinished`, `alter role x password '...'`],
    [String.raw`select 'C:\', 'secret'`, 'select ...'],
    [`select U&'x', b'01', n'y', 0x1F, 1e5`, `select '...', b'...', n'...', ..., ...`],
  ])('%s', (query, shown) => {
    expect(withoutValues(query)).toBe(shown)
  })
})

describe('the text of a statement without its passwords', () => {
  test.each([
    [`select 'the password' as a, 'b'`, `select 'the password' as a, 'b'`],
    [`select 'password'; alter role x password 'secret'`, `select 'password'; alter role x password '***'`],
    [`create user x PASSWORD/* a */E'secr\\'et', b 'c'`, `create user x PASSWORD/* a */'***', b 'c'`],
    [
      `select 1 where "password" = $1$ and password = $a$secret$a$`,
      `select 1 where "password" = $1$ and password = '***'`,
    ],
    [`select 1 /* password 'secret' */`, `select 1 /* password '***' */`],
    [`select 'postgres://u:secret@host/d'`, `select 'postgres://u:***@host/d'`],
  ])('%s', (query, shown) => {
    expect(statementWithoutPasswords(query)).toBe(shown)
  })
})
