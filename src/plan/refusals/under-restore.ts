import type { Relation } from '../../catalog/relation.ts'
import type { CatalogRows } from '../../catalog/definitions.ts'
import { hiddenName } from '../../names.ts'
import { FILLING } from '../objects/swap.ts'

/** Whether a table has what a restore adds before its reveal: hidden columns, or stand-ins for its triggers. */
export const isBeingRestored = ({ oid }: Relation, { columns, triggers }: CatalogRows): boolean =>
  columns.some((c) => c.attrelid === oid && c.attname.startsWith(hiddenName(''))) ||
  triggers.some((t) => t.tgrelid === oid && t.tgname.startsWith(hiddenName(''))) ||
  hasStandIn({ oid }, { triggers })

/** No trigger of anybody else's speaks of this. */
export const hasStandIn = ({ oid }: Pick<Relation, 'oid'>, { triggers }: Pick<CatalogRows, 'triggers'>): boolean =>
  triggers.some((t) => t.tgrelid === oid && t.def.includes(`'${FILLING}'`))
