import type { Model } from './model.ts'
import type { Parts } from './parts.ts'
import type { ReturningKey } from './plan.ts'

/** The unique indexes of partitioned tables that are built again. */
export const returningKeys = (model: Model, { indexes }: Pick<Parts, 'indexes'>): ReturningKey[] =>
  indexes
    .filter((i) => i.partitioned && i.parent === null && i.indisunique)
    .map((i) => ({
      table: model.name(i.indrelid),
      name: i.relname,
      columns: i.indkey
        .slice(0, i.indnkeyatts)
        .flatMap((n) => model.columns(i.indrelid).find((c) => c.attnum === n)?.attname ?? []),
    }))
