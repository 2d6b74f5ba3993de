import { id, literal, qualified } from '../../src/sql.ts'
import { major } from '../support/round-trip.ts'
import { at } from './choice.ts'
import type { PartDescription } from './description.ts'
import type { RenderedColumn, RenderedTable, Rendering } from './render.ts'
import { beside, ordered, type Choose, type Renderer } from './renderer.ts'
import { INTEGER, isText } from './values.ts'
import { renderView } from './view.ts'

/** Makes one part, where what it needs is there. */
export function renderPart(r: Rendering, part: PartDescription): void {
  const table = at(r.tables, part.table)
  const choose: Choose = (n) => part.choices[n] ?? 0
  renderers[part.kind](r, table, part.name, choose)
}

/** A function of the schema's own, for an index or a check. */
function immutableFunction(r: Rendering, table: RenderedTable, name: number, column: RenderedColumn): string {
  const routine = qualified(beside(r, table, name))
  const type = column.type.sql
  r.statements.push(
    `create function ${routine}(v ${type}) returns text language sql immutable as 'select pg_catalog.md5(v::text)'`,
  )
  r.commentable.push(`function ${routine}(${type})`)
  r.grantable.push({ target: `function ${routine}(${type})`, privileges: 'execute', columns: [] })
  return routine
}

const EVENTS = (column: string) => [
  'before update',
  'before update',
  `after update of ${column}`,
  'before update',
  'after insert or delete',
  'after update',
  'after insert or update',
]

const renderers: Readonly<Record<PartDescription['kind'], Renderer>> = {
  index(r, table, name, choose) {
    const sortable = ordered(table.columns)
    if (sortable.length === 0) return
    const first = at(sortable, choose(0))
    const second = at(sortable, choose(1))
    const index = beside(r, table, name)
    const sorted = choose(2) % 5 === 4 ? ' desc nulls last' : ''
    const expression =
      choose(1) % 3 === 2
        ? `${immutableFunction(r, table, name, first)}(${id(first.name)})`
        : isText(first.type)
          ? `lower(${id(first.name)})`
          : `(${id(first.name)} is null)`
    const pattern = first.type.sql === 'text' && choose(2) % 5 === 3 ? ' text_pattern_ops' : ''
    const unique = choose(4) % 4 === 3 && first.role === 'value'
    const keys = [
      choose(3) % 4 === 3 ? expression : `${id(first.name)}${pattern}${sorted}`,
      ...(choose(3) % 4 === 1 && second !== first && !(unique && second.role === 'reference') ? [id(second.name)] : []),
    ]
    const include = choose(5) % 4 === 2 ? ` include (${id(at(table.columns, choose(1)).name)})` : ''
    const filter = at(unique ? table.columns.filter((c) => c.role !== 'reference') : table.columns, choose(2))
    const where = choose(5) % 4 === 1 ? ` where ${id(filter.name)} is not null` : ''
    const gin = first.type.gin && choose(3) % 4 === 0
    r.statements.push(
      gin
        ? `create index ${id(index.name)} on ${table.sql} using gin (${id(first.name)})${where}`
        : `create ${unique ? 'unique ' : ''}index ${id(index.name)} on ${table.sql} (${keys.join(', ')})${include}${where}`,
    )
    const made = qualified(index)
    if (choose(3) % 4 === 3 && !gin) table.settings.push(`alter index ${made} alter column 1 set statistics 300`)
    if (choose(0) % 9 === 8 && !gin && where === '') table.settings.push(`cluster ${table.sql} using ${id(index.name)}`)
    r.commentable.push(`index ${made}`)
  },

  check(r, table, name, choose) {
    const a = id(at(table.columns, choose(0)).name)
    const b = id(at(table.columns, choose(1)).name)
    const constraint = id(table.scope.next(name))
    const how = [``, ` not valid`, ` no inherit`, ``][choose(2) % 4] ?? ''
    r.statements.push(
      `alter table ${table.sql} add constraint ${constraint} check (${a} is null or ${b} is null or ${a}::text <> ${b}::text || '!')${how}`,
    )
    r.commentable.push(`constraint ${constraint} on ${table.sql}`)
  },

  unique(r, table, name, choose) {
    const columns = ordered(table.columns).filter((c) => c.role === 'value')
    if (columns.length === 0) return
    const keys = [...new Set([at(columns, choose(0)), ...(choose(2) % 3 === 0 ? [] : [at(columns, choose(1))])])]
    const constraint = beside(r, table, name, table.scope)
    if (choose(3) % 6 === 5)
      r.statements.push(
        `alter table ${table.sql} add constraint ${id(constraint.name)} exclude using btree (${keys.map((c) => `${id(c.name)} with =`).join(', ')})`,
      )
    else
      r.statements.push(
        `alter table ${table.sql} add constraint ${id(constraint.name)} unique (${keys.map((c) => id(c.name)).join(', ')})`,
      )
    r.commentable.push(`constraint ${id(constraint.name)} on ${table.sql}`, `index ${qualified(constraint)}`)
  },

  trigger(r, table, name, choose) {
    const column = at(table.columns, choose(0))
    const counters = table.columns.filter(
      (c) => c.type === INTEGER && c.role === 'value' && !c.automatic && c.sql.endsWith(' integer'),
    )
    const kind = choose(1) % 7
    const counter = counters.length > 0 ? at(counters, choose(2)) : undefined
    const body =
      kind <= 1 && counter
        ? `new.${id(counter.name)} := coalesce(new.${id(counter.name)} % 1000, 0) + 1; return new;`
        : 'return coalesce(new, old);'
    const routine = qualified(beside(r, table, name))
    const trigger = id(table.scope.next(name))
    const changed =
      column.type.ordered && !column.sql.endsWith(' stored')
        ? ` when (old.${id(column.name)} is distinct from new.${id(column.name)})`
        : ''
    const event = at(EVENTS(id(column.name)), kind)
    const each = kind === 6 ? 'for each statement' : 'for each row'
    const when = kind === 1 || kind === 3 ? changed : ''
    const constraint = kind === 5 ? 'constraint ' : ''
    const deferred = kind === 5 ? ' deferrable initially deferred' : ''
    r.statements.push(
      `create function ${routine}() returns trigger language plpgsql as ${literal(`begin ${body} end`)}`,
      `create ${constraint}trigger ${trigger} ${event} on ${table.sql}${deferred} ${each}${when} execute function ${routine}(${choose(3) % 3 === 0 ? literal(column.name) : ''})`,
    )
    const enabled = ['', '', '', 'disable', 'enable always', 'enable replica'][choose(4) % 6] ?? ''
    if (enabled !== '') r.statements.push(`alter table ${table.sql} ${enabled} trigger ${trigger}`)
    r.commentable.push(`trigger ${trigger} on ${table.sql}`, `function ${routine}()`)
    r.grantable.push({ target: `function ${routine}()`, privileges: 'execute', columns: [] })
  },

  policy(r, table, name, choose) {
    const policy = id(table.scope.next(name))
    const column = id(at(table.columns, choose(0)).name)
    const other = at(r.tables, choose(1))
    const test =
      choose(2) % 3 === 0
        ? `exists (select from ${other.sql} o where o.${id(at(other.columns, choose(0)).name)} is not null)`
        : `${column} is not null or ${column}::text = current_user`
    const command = at(['all', 'select', 'update', 'delete'], choose(3))
    const roles = at(['public', 'crm_app', 'crm_app, crm_reporting', 'current_user'], choose(4))
    const kind = choose(5) % 3 === 2 ? 'restrictive' : 'permissive'
    r.statements.push(
      `create policy ${policy} on ${table.sql} as ${kind} for ${command} to ${roles} using (${test})`,
      ...(choose(5) % 2 ? [`alter table ${table.sql} enable row level security`] : []),
    )
    r.commentable.push(`policy ${policy} on ${table.sql}`)
  },

  view: renderView,

  function(r, table, name, choose) {
    const routine = qualified(beside(r, table, name))
    const relation = at(r.relations, choose(0))
    const column = at(relation.columns, choose(1))
    const count = `select count(*) from ${relation.sql} where ${id(column.name)} is not null`
    const make = (args: string, identity: string, rest: string) => {
      r.statements.push(`create function ${routine}(${args}) ${rest}`)
      r.commentable.push(`function ${routine}(${identity})`)
      r.grantable.push({ target: `function ${routine}(${identity})`, privileges: 'execute', columns: [] })
    }
    const own = relation.columns.find((c) => c.type.sql.includes('.')) ?? column
    switch (choose(2) % 8) {
      case 0:
        make('', '', `returns bigint language sql stable as ${literal(count)}`)
        return
      case 1:
        make('', '', `returns bigint language sql begin atomic; ${count}; end`)
        return
      case 2:
        make(`r ${table.sql}`, table.sql, `returns integer language sql immutable as 'select 1'`)
        return
      case 3:
        make('', '', `returns setof ${table.sql} language sql stable as ${literal(`select * from ${table.sql}`)}`)
        return
      case 4:
        make(
          '',
          '',
          `returns text language plpgsql security definer set search_path = '' as ${literal(`begin return (${count})::text; end`)}`,
        )
        make('a integer, b text default null', 'integer, text', `returns text language sql return b || a`)
        return
      case 5:
        make(
          `a ${own.type.sql}`,
          own.type.sql,
          `returns boolean language sql immutable strict parallel safe return true`,
        )
        return
      case 6:
        make('', '', `returns table (n bigint) language sql begin atomic; ${count}; end`)
        return
      default:
        make(`variadic a text[]`, 'text[]', `returns integer language sql cost 7 as 'select 1'`)
    }
  },

  statistics(r, table, name, choose) {
    const columns = ordered(table.columns).filter((c) => !['xml', 'json', 'point'].includes(c.type.sql))
    const a = columns[choose(0) % Math.max(1, columns.length)]
    const b = columns[choose(1) % Math.max(1, columns.length)]
    if (!a || !b || a === b) return
    const statistics = qualified(beside(r, table, name))
    const kinds = at(['', ' (ndistinct)', ' (dependencies, mcv)'], choose(2))
    r.statements.push(`create statistics ${statistics}${kinds} on ${id(a.name)}, ${id(b.name)} from ${table.sql}`)
    if (choose(3) % 2) r.statements.push(`alter statistics ${statistics} set statistics 33`)
    r.commentable.push(`statistics ${statistics}`)
  },

  rule(r, table, name, choose) {
    const rule = id(table.scope.next(name))
    const column = id(at(table.columns, choose(0)).name)
    const event = at(['delete', 'insert', 'delete'], choose(1))
    const row = event === 'insert' ? 'new' : 'old'
    const other = at(r.tables, choose(2))
    const action = choose(3) % 2 ? 'also select 1' : `also select count(*) from ${other.sql} as counted`
    r.statements.push(
      `create rule ${rule} as on ${event} to ${table.sql} where ${row}.${column} is not null do ${action}`,
    )
    r.commentable.push(`rule ${rule} on ${table.sql}`)
  },

  publication(r, table, name, choose) {
    const publication = r.schemas[0]?.scope.next(name) ?? 'p'
    const plain = table.columns.filter((c) => !c.sql.endsWith(' stored'))
    const listed = plain.filter((c, i) => c.role === 'key' || (choose(0) + i) % 2 === 0)
    // a row filter takes columns of built-in types only
    const filtered = plain.filter((c) => c.type.create === undefined)
    const rest = at(
      [
        '',
        ` (${listed.map((c) => id(c.name)).join(', ')})`,
        filtered.length === 0 ? '' : ` where (${id(at(filtered, choose(1)).name)} is not null)`,
        '',
      ],
      major() >= 15 ? choose(2) : 0,
    )
    const operations = at(['', '', ` with (publish = 'insert, delete')`], choose(3))
    r.statements.push(`create publication ${id(publication)} for table only ${table.sql}${rest}${operations}`)
    r.commentable.push(`publication ${id(publication)}`)
  },

  comment(r, _table, _name, choose) {
    if (r.commentable.length === 0) return
    const target = at(r.commentable, choose(0) * 60 + choose(1))
    r.statements.push(
      `comment on ${target} is ${literal(at(["what it's for", 'ünïcödé\n\\second line', ' '], choose(2)))}`,
    )
  },

  grant(r, _table, _name, choose) {
    if (r.grantable.length === 0) return
    const { target, privileges, columns } = at(r.grantable, choose(0) * 60 + choose(1))
    const grantee = at(['crm_app', 'crm_reporting', 'public'], choose(2))
    const option = grantee !== 'public' && choose(3) % 3 === 2 ? ' with grant option' : ''
    const all = privileges.split(', ')
    const privilege = at(all, choose(4))
    const perColumn = columns.length > 0 && choose(5) % 2 && /select|insert|update|references/.test(privilege)
    if (choose(5) % 5 === 4 && target.startsWith('function'))
      r.statements.push(`revoke execute on ${target} from public`)
    else
      r.statements.push(
        `grant ${privilege}${perColumn ? ` (${id(at(columns, choose(3)))})` : ''} on ${target} to ${grantee}${option}`,
      )
  },
}
