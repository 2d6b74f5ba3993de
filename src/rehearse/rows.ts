import type { ClientBase } from 'pg'
import { id, literal } from '../sql.ts'

/** How many rows a table was given. */
export type RowCounts = Readonly<Record<string, number>>

interface TableColumns {
  readonly table: string
  readonly columns: readonly ColumnShape[]
}

interface ColumnShape {
  readonly name: string
  /** Of its domain, if it is of one. */
  readonly base: string
  readonly element: string | null
  readonly category: string
  readonly labels: readonly string[]
  /** Has a value without being given one. */
  readonly optional: boolean
  /** Texts that a check compares it with. */
  readonly texts: readonly string[]
  /** An expression for a value of the row that it refers to, by the number of the row; null: it refers to none. */
  readonly reference: string | null
}

/**
 * Gives every table rows that a computer made up: values by type, the texts that checks allow,
 * references to rows that are there. A row that the table's constraints still refuse is tried with what it needs
 * alone, and left out if that fails too. Triggers and rules, the application's answer to the application's changes, do not
 * fire on the connection.
 */
export async function makeRows(client: ClientBase, rowsPerTable: number): Promise<RowCounts> {
  const made: Record<string, number> = {}
  for (const { table, columns } of await readTables(client)) {
    const all = insert(table, columns)
    const needed = insert(
      table,
      columns.filter((c) => !c.optional),
    )
    await client.query(`do $rows$ begin
  for g in 1..${String(rowsPerTable)} loop
    begin
      ${all};
    exception when others then
      begin
        ${needed};
      exception when others then
        null; -- the count says that there is none
      end;
    end;
  end loop;
end $rows$`)
    const { rows } = await client.query<{ rows: string }>(`select pg_catalog.count(*) as rows from ${table}`)
    made[table] = Number(rows[0]?.rows ?? 0)
  }
  return made
}

function insert(table: string, columns: readonly ColumnShape[]): string {
  if (columns.length === 0) return `insert into ${table} default values`
  return `insert into ${table} (${columns.map((c) => id(c.name)).join(', ')}) values (${columns.map(value).join(', ')})`
}

/** An expression over `g`, the number of the row. */
function value(column: ColumnShape): string {
  const { base, element, labels, texts, reference } = column
  if (reference !== null) return reference
  const listed = labels.length > 0 ? labels : texts
  if (listed.length > 0)
    return `((array[${listed.map(literal).join(', ')}])[1 + g % ${String(listed.length)}])::text::${base}`
  if (element !== null) return `array[${valueOf(element, column.name)}]::${base}`
  return valueOf(base, column.name)
}

function valueOf(type: string, name: string): string {
  const length = /\((\d+)\)/.exec(type)?.[1]
  const plain = type.replace(/\(.*?\)/, '')
  const made = VALUES[plain]
  if (made !== undefined) return `(${made})::${type}`
  if (/^(?:text|character varying|character|name|citext)$/.test(plain)) {
    const text = `${literal(name)} || ' ' || g`
    return length === undefined ? `(${text})::${type}` : `pg_catalog.right(${text}, ${length})::${type}`
  }
  return `null::${type}`
}

const VALUES: Readonly<Partial<Record<string, string>>> = {
  smallint: 'g % 30000',
  integer: 'g',
  bigint: 'g',
  numeric: 'g * 0.5',
  real: 'g * 0.5',
  'double precision': 'g * 0.5',
  money: 'g',
  boolean: 'g % 2 = 0',
  uuid: 'pg_catalog.md5(g::text)',
  date: `date '2020-01-01' + g`,
  'timestamp without time zone': `timestamp '2020-01-01' + g * interval '1 hour'`,
  'timestamp with time zone': `timestamptz '2020-01-01 00:00:00+00' + g * interval '1 hour'`,
  'time without time zone': `time '00:00' + g * interval '1 minute'`,
  interval: `g * interval '1 day'`,
  json: `pg_catalog.json_build_object('n', g)`,
  jsonb: `pg_catalog.jsonb_build_object('n', g, 'list', pg_catalog.jsonb_build_array(g, null, 1.0))`,
  bytea: `pg_catalog.decode(pg_catalog.md5(g::text), 'hex')`,
  inet: `'10.0.0.0'::inet + g`,
  cidr: `pg_catalog.network(('10.0.0.0'::inet + g))`,
  macaddr: `'08:00:2b:01:02:03'`,
  point: 'pg_catalog.point(g, g)',
  int4range: 'pg_catalog.int4range(g, g + 1)',
  int8range: 'pg_catalog.int8range(g, g + 1)',
  numrange: 'pg_catalog.numrange(g, g + 1)',
  daterange: `pg_catalog.daterange(date '2020-01-01' + g, date '2020-01-01' + g + 1)`,
  tstzrange: `pg_catalog.tstzrange(timestamptz '2020-01-01 00:00:00+00', timestamptz '2020-01-01 00:00:00+00' + g * interval '1 hour')`,
  tsvector: `pg_catalog.to_tsvector('simple', 'row ' || g)`,
  xml: `'<row>' || g || '</row>'`,
}

/** Tables that rows are inserted into, referenced ones before those that refer to them. */
async function readTables(client: ClientBase): Promise<TableColumns[]> {
  const { rows } = await client.query<{ oid: string; refers_to: string[]; shape: TableColumns }>(TABLES)
  const ordered: TableColumns[] = []
  const seen = new Set<string>()
  const visit = ({ oid, refers_to, shape }: (typeof rows)[number]) => {
    if (seen.has(oid)) return
    seen.add(oid)
    for (const other of rows) if (refers_to.includes(other.oid)) visit(other)
    ordered.push(shape)
  }
  rows.forEach(visit)
  return ordered
}

const TABLES = `
  select c.oid::text as oid,
    coalesce((select pg_catalog.json_agg(distinct k.confrelid::text) from pg_catalog.pg_constraint k
      where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid), '[]') as refers_to,
    pg_catalog.json_build_object('table', pg_catalog.format('%I.%I', n.nspname, c.relname), 'columns', coalesce((
      select pg_catalog.json_agg(pg_catalog.json_build_object(
          'name', a.attname, 'base', pg_catalog.format_type(b.oid, case when t.typtype = 'd' then t.typtypmod else a.atttypmod end),
          'element', case when b.typcategory = 'A' then pg_catalog.format_type(b.typelem, null) end, 'category', b.typcategory,
          'labels', coalesce((select pg_catalog.json_agg(e.enumlabel order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = b.oid), '[]'),
          'optional', not a.attnotnull or a.atthasdef,
          'texts', coalesce((select pg_catalog.json_agg(m[1]) from pg_catalog.pg_constraint k
            cross join pg_catalog.regexp_matches(pg_catalog.pg_get_constraintdef(k.oid), $q$'((?:[^']|'')*)'::(?:text|character varying|bpchar)$q$, 'g') m
            where k.contype = 'c' and k.conkey = array[a.attnum] and k.conrelid = c.oid), '[]'),
          'reference', (select pg_catalog.format('(select r.%I from %I.%I r offset g %% greatest(1, (select pg_catalog.count(*)::int from %2$I.%3$I)) limit 1)',
              ra.attname, rn.nspname, r.relname)
            from pg_catalog.pg_constraint k join pg_catalog.pg_class r on r.oid = k.confrelid join pg_catalog.pg_namespace rn on rn.oid = r.relnamespace
            join pg_catalog.pg_attribute ra on ra.attrelid = r.oid and ra.attnum = k.confkey[pg_catalog.array_position(k.conkey, a.attnum)]
            where k.contype = 'f' and k.conrelid = c.oid and a.attnum = any (k.conkey) order by k.oid limit 1))
        order by a.attnum)
      from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
      join pg_catalog.pg_type b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''), '[]')) as shape
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'unship')
    and c.relname !~ '^kysely_migration'
  order by c.oid`
