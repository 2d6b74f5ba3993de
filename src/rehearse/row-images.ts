import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { row, run } from '../run/query.ts'
import { id, qualified, type QualifiedName } from '../sql.ts'
import { writeTexts } from './text-settings.ts'

interface Table extends QualifiedName {
  readonly shown: string
  /** By name: a restored one stands last. */
  readonly columns: readonly string[]
}

/** By table and filled materialized view: how many rows, and a hash of the texts of all their values. */
export async function readRowImages(
  db: AnyKysely,
  passedOver: (table: QualifiedName) => boolean,
): Promise<Record<string, string>> {
  return await db.transaction().execute(async (transaction) => {
    await run(transaction, writeTexts)
    const images: Record<string, string> = {}
    for (const table of await readJson<Table>(transaction, TABLES))
      if (!passedOver(table)) images[table.shown] = await imageOf(transaction, table)
    return images
  })
}

/** As jsonb, a json would lose its blanks and second keys, and -0 its sign. */
async function imageOf(db: AnyKysely, table: Table): Promise<string> {
  const { image } = await row<{ image: string }>(
    db,
    `select count(*) || ' rows, ' || coalesce(md5(string_agg(t.row, ',' order by t.row)), '') as image
     from (select row(${table.columns.map((c) => `r.${id(c)}`).join(', ')})::text as row from only ${qualified(table)} r) t`,
  )
  return image
}

const TABLES = `
  select n.nspname as schema, c.relname as name, pg_catalog.format('%I.%I', n.nspname, c.relname) as shown, coalesce((
    select pg_catalog.json_agg(a.attname order by a.attname) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]') as columns
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and c.relispopulated
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '${LEDGER_SCHEMA}')
  order by 1, 2`
