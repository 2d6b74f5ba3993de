import type { Needed } from '../../catalog/needed.ts'
import { asPrinted } from '../../sql.ts'
import { isCreatedAgain } from './created.ts'
import { shown, type Model } from '../model.ts'
import { needsRecreation, type Parts } from '../parts.ts'

/** Something that stays, which has to be there when the feature comes back. */
export type Need = Omit<Needed, 'dependent'> & {
  /** Of a function: PostgreSQL demands that it be immutable there. */
  readonly immutable?: boolean
  /** Of a column: by itself, not in an expression; a wider type does as well. */
  readonly plain?: boolean
  /** Of a constraint: the definition speaks of it by its name; else it is the primary key, whatever that is called. */
  readonly named?: boolean
}

/** A view's query is its rule. */
const RULE_OF_VIEW = /^rule "?_RETURN"? on /

/**
 * What the definitions that are created again need: nothing keeps it from being dropped or renamed while they are away. What is
 * renamed away keeps its dependences, and PostgreSQL watches over them.
 */
export function planNeeds(model: Model, parts: Parts): Need[] {
  const isCreated = isCreatedAgain(model, parts)
  const named = (type: string, name: string, by: string): Need => ({
    ...{ by, type, description: `${type} ${name}` },
    ...{ names: [name], args: [] },
  })
  return [
    ...model.snapshot.needed
      .filter(({ dependent }) => isCreated(dependent))
      .map(({ dependent, by, ...needed }) => ({
        ...{ ...needed, by: by.replace(RULE_OF_VIEW, '') },
        ...(demandsImmutable(model, dependent) && { immutable: true }),
        ...(isPlain(model, dependent) && { plain: true }),
        ...(needed.type === 'table constraint' && { named: names(model, dependent, needed.names.at(-1) ?? '') }),
      })),
    ...model.snapshot.policies
      .filter((p) => needsRecreation(model, 'pg_policy', p.oid, p.polrelid))
      .flatMap((p) =>
        p.roles
          .filter((role) => role !== null)
          .map((role) => named('role', role, `policy ${p.polname} on table ${shown(model.name(p.polrelid))}`)),
      ),
    ...model.snapshot.indexes
      .filter((i) => isCreated(`pg_class:${i.indexrelid}:0`))
      .flatMap(({ tablespace, relname }) =>
        tablespace === null ? [] : [named('tablespace', tablespace, `index ${relname}`)],
      ),
    ...model.snapshot.relations
      .filter((r) => model.views.has(r.oid))
      .flatMap(({ tablespace, relname }) =>
        tablespace === null ? [] : [named('tablespace', tablespace, `materialized view ${relname}`)],
      ),
  ]
}

/** Of an index, and of a generated column. */
function demandsImmutable(model: Model, dependent: string): boolean {
  const node = model.nodes.get(dependent)
  if (node?.catalog !== 'pg_attrdef') return ['i', 'I'].includes(node?.relkind ?? '')
  return (
    model.gone.get(node.owner_relid ?? '')?.some((c) => c.attnum === node.owner_attnum && c.attgenerated !== '') ??
    false
  )
}

/** Whether a query names a constraint in ON CONFLICT; those of views have none. */
function names({ snapshot }: Model, dependent: string, constraint: string): boolean {
  const texts = [
    ...snapshot.routines.map((r) => [`pg_proc:${r.oid}:0`, r.def] as const),
    ...snapshot.rules.map((r) => [`pg_rewrite:${r.oid}:0`, r.def] as const),
  ]
  const named = new RegExp(` ON CONFLICT ON CONSTRAINT ${asPrinted(constraint)}(?![\\w$])`)
  return texts.some(([key, text]) => key === dependent && named.test(text ?? ''))
}

/** A key, or an index of columns alone. */
const isPlain = ({ snapshot }: Model, dependent: string): boolean =>
  snapshot.constraints.some((k) => k.contype !== 'c' && `pg_constraint:${k.oid}:0` === dependent) ||
  snapshot.indexes.some((i) => !i.expressions && !i.partial && `pg_class:${i.indexrelid}:0` === dependent)
