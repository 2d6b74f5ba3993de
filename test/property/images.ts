import type { TestDatabase } from '../support/database.ts'

/** The rows of each table: the bytes of each column's value, by its name. */
export type Images = Record<string, Record<string, string>[]>

interface Client {
  query: (sql: string) => Promise<any>
}

const rowsOf = async (client: Client | TestDatabase, sql: string): Promise<any[]> => {
  const result = await client.query(sql)
  return Array.isArray(result) ? result : result.rows
}

/** Reads every table that is not ours: 1.0 is not 1.00, 0 not -0. */
export async function readImages(client: Client | TestDatabase): Promise<Images> {
  const tables = await rowsOf(
    client,
    `select n.nspname || '.' || c.relname as name, format('%I.%I', n.nspname, c.relname) as sql, string_agg(
       format('%L, encode(record_send(row(t.%I)), ''hex'')', a.attname, a.attname), ', ' order by a.attname collate "C") as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind in ('r', 'm') and c.relispopulated and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'unship')
       and c.relname !~ '^(backup|archive|set_aside)_'
     group by n.nspname, c.relname order by 1`,
  )
  const images: Images = {}
  for (const { name, sql, columns } of tables) {
    const rows = await rowsOf(client, `select jsonb_build_object(${columns}) as image from ${sql} t order by 1`)
    images[name] = rows.map((row) => row.image)
  }
  return images
}
