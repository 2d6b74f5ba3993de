import { id, qualified } from '../../src/sql.ts'
import { at } from './choice.ts'
import { Names } from './names.ts'
import type { RenderedColumn } from './render.ts'
import { beside, ordered, type Renderer } from './renderer.ts'

export const renderView: Renderer = (r, table, name, choose) => {
  const base = at(r.relations, choose(0))
  const other = at(r.relations, choose(1))
  const materialized = choose(4) % 4 === 3
  const view = beside(r, table, name)
  const names = new Names()
  const out: RenderedColumn[] = []
  const as = (from: string, c: RenderedColumn) => {
    const column = names.next(choose(5) % 3 === 0 ? name + out.length : 0)
    out.push({ ...c, name: column, role: 'reference', automatic: true })
    return `${from}.${id(c.name)} as ${id(column)}`
  }
  const some = base.columns.filter((_, i) => i === choose(2) % base.columns.length || (choose(3) + i) % 2 === 0)
  const first = at(some, 0)
  const queries = [
    () => `select ${some.map((c) => as('b', c)).join(', ')} from ${base.sql} b where b.${id(first.name)} is not null`,
    () => {
      base.columns.forEach((c) => out.push({ ...c, role: 'reference', automatic: true }))
      return `select * from ${base.sql}`
    },
    () =>
      `select ${[...some.map((c) => as('b', c)), as('o', at(other.columns, choose(3)))].join(', ')} from ${base.sql} b left join ${other.sql} o on o.${id(at(other.columns, choose(2)).name)}::text = b.${id(first.name)}::text`,
    () =>
      `select ${as('b', first)}${first.type.ordered ? ', count(*) as "how many"' : ''} from ${base.sql} b${first.type.ordered ? ` group by b.${id(first.name)}` : ''}`,
    () =>
      `with w as (select ${some.map((c) => as('b', c)).join(', ')} from ${base.sql} b) select * from w where exists (select from ${other.sql} o where o.${id(at(other.columns, choose(3)).name)} is not null)`,
    () =>
      `select ${as('b', first)} from ${base.sql} b union all select b.${id(first.name)} from ${base.sql} b where b.${id(first.name)}::text in ('a', 'b')`,
  ]
  const query = at(queries, choose(4) >> 2)()
  const options = !materialized && choose(5) % 4 === 3 ? ' with (security_barrier = true)' : ''
  const kind = materialized ? 'materialized view' : 'view'
  r.statements.push(
    `create ${kind} ${qualified(view)}${options} as ${query}${materialized && choose(5) % 5 === 4 ? ' with no data' : ''}`,
  )
  if (!materialized && choose(1) % 5 === 4) {
    const routine = qualified(beside(r, table, name))
    const trigger = id(names.next(name))
    r.statements.push(
      `create function ${routine}() returns trigger language plpgsql as 'begin return null; end'`,
      `create trigger ${trigger} instead of insert or update on ${qualified(view)} for each row execute function ${routine}()`,
      `alter view ${qualified(view)} alter column ${id(at(out, choose(2)).name)} set default null`,
    )
    r.commentable.push(`trigger ${trigger} on ${qualified(view)}`)
  }
  const sortable = ordered(out)
  if (materialized && sortable.length > 0 && choose(5) % 2)
    r.statements.push(`create index on ${qualified(view)} (${id(at(sortable, choose(0)).name)})`)
  const populated = !(materialized && choose(5) % 5 === 4)
  if (populated) r.relations.push({ sql: qualified(view), columns: out })
  r.commentable.push(`${kind} ${qualified(view)}`, ...out.map((c) => `column ${qualified(view)}.${id(c.name)}`))
  r.grantable.push({ target: `table ${qualified(view)}`, privileges: 'select', columns: out.map((c) => c.name) })
}
