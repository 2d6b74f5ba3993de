import { describe, expect, test } from 'vitest'
import { withoutValues } from '../../src/run/without-values.ts'
import { statementWithoutPasswords, withoutPasswords } from '../../src/secrets.ts'

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
    [
      `create subscription s connection 'host=h password=secret' publication p`,
      `create subscription s connection 'host=h password=***' publication p`,
    ],
    [`select dblink('password=''a secret'' port=1', 'b')`, `select dblink('password=*** port=1', 'b')`],
    [String.raw`select E'host=h password=\'a secret\' port=1'`, `select E'host=h password=*** port=1'`],
    [`select $a$host=h password=secret$a$, 'b'`, `select $a$host=h password=***$a$, 'b'`],
    [
      `as $$ begin perform dblink('host=h password=secret'); update t set password=new.password; end $$`,
      `as $$ begin perform dblink('host=h password=***'); update t set password=new.password; end $$`,
    ],
    [`execute 'update t set password=crypt(x)'`, `execute 'update t set password=crypt(x)'`],
  ])('%s', (query, shown) => {
    expect(statementWithoutPasswords(query)).toBe(shown)
  })
})

describe('a message without its passwords', () => {
  test.each([
    ['host=h password=secret dbname=d', 'host=h password=*** dbname=d'],
    ['host=h password = secret dbname=d', 'host=h password = *** dbname=d'],
    [`"host=h password=secret"`, `"host=h password=***"`],
    [`password=it's, port=1`, 'password=***, port=1'],
    [`host=h password='a secret' port=1`, 'host=h password=*** port=1'],
    [String.raw`password='a \' secret' port=1`, 'password=*** port=1'],
    [String.raw`password=a\ secret port=1`, 'password=*** port=1'],
    [`'host=h password=''a secret'' port=1'`, `'host=h password=*** port=1'`],
    [`host=h password='a secret that is cut of`, 'host=h password=***'],
    ['PGPASSWORD=secret psql', 'PGPASSWORD=*** psql'],
    ['postgres://u@h/d?password=secret&sslmode=require', 'postgres://u@h/d?password=***&sslmode=require'],
    [String.raw`alter role x password E'a \' secret'`, `alter role x password '***'`],
    [`alter role x password = E'a '' secret', b`, `alter role x password = '***', b`],
    [`alter role x password=E'a '' secret', b`, `alter role x password=***, b`],
    [`execute 'alter role x password ''a secret'''`, `execute 'alter role x password '***''`],
    ['operator does not exist: password = integer', 'operator does not exist: password = integer'],
    ['password authentication failed for user "x"', 'password authentication failed for user "x"'],
  ])('%s', (text, shown) => {
    expect(withoutPasswords(text)).toBe(shown)
  })
})
