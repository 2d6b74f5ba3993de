import type { Oid } from '../../catalog/fragments.ts'
import { asPrinted } from '../../sql.ts'
import { columnsMove } from './column-order.ts'
import { shown, type Model } from '../model.ts'
import { needsRecreation } from '../parts.ts'
import { NAME, namesJoined, usesRows, withoutConstants } from './row-uses.ts'

/*
 * Restored columns stand last. Definitions that name columns by their place would then print the same and mean others,
 * or fail.
 */

interface Definition {
  readonly what: string
  /** As it is printed, without what its constants hold. */
  readonly code: string
  /** Tables whose row types it speaks of; null where that is not known. */
  readonly row_types: readonly Oid[] | null
  readonly returns_rows_of: Oid | null
}

/** `f() WITH ORDINALITY f(id, name)` */
const NAMES_RESULT = new RegExp(`\\)(?: WITH ORDINALITY)? (?:AS )?${NAME}\\(`, 'i')
const MAKES_ROW = /\bROW\(/

const of = (
  what: string,
  text: string,
  row_types: readonly Oid[] | null = [],
  returns_rows_of: Oid | null = null,
): Definition => ({ what, code: withoutConstants(text), row_types, returns_rows_of })

export function placeReasons(model: Model): string[] {
  // of thousands of partitions each has some
  const definitions = recreatedDefinitions(model)
  return [...model.gone.keys()]
    .filter((oid) => columnsMove(model, oid))
    .flatMap((oid) => byPlace(model, oid, definitions).map((what) => `${what}, and restored columns stand last`))
}

/** What is created again and names columns of a host table by their place: which is to be the same then. */
export const byPlace = (model: Model, oid: Oid, definitions = recreatedDefinitions(model)): string[] =>
  definitions.flatMap((definition) => {
    const how = namesByPlace(model, oid, definition)
    return how === null ? [] : [`${definition.what} ${how.replace('%', shown(model.name(oid)))}`]
  })

/**
 * What stays, and holds a row of a host table that was made column by column: PostgreSQL forgets what is in it of columns that are
 * dropped.
 */
export function keptRowReasons(model: Model): string[] {
  return model.snapshot.rowUsers.flatMap(({ catalog, objid, host, description, text }) => {
    if (model.nodes.has(`${catalog}:${objid}:0`)) return []
    const { schema, name } = model.name(host)
    const how = usesRows(withoutConstants(text), asPrinted(schema, name))
    return how === null
      ? []
      : [
          `${description}, which stays, ${how.replace('%', shown({ schema, name }))}: what it says of the removed ones would be lost`,
        ]
  })
}

/** All that is created again, as it is printed; of policies and rules it is not known of which rows they speak. */
function recreatedDefinitions(model: Model): Definition[] {
  const { snapshot } = model
  const on = (oid: Oid) => shown(model.name(oid))
  const inPlan = (catalog: string, oid: Oid) => model.nodes.has(`${catalog}:${oid}:0`)
  return [
    ...snapshot.relations.flatMap((r) =>
      model.views.has(r.oid) && r.viewdef !== null ? [of(`view ${on(r.oid)}`, r.viewdef, r.row_types)] : [],
    ),
    ...snapshot.routines.flatMap((r) => {
      if (!inPlan('pg_proc', r.oid) || r.def === null) return []
      const what = `function ${r.proname}(${r.argument_types})`
      // of a body that is kept as a text, nothing is printed anew
      return r.parsed
        ? [of(what, r.def, r.row_types, r.returns_rows_of)]
        : [of(what, r.def.slice(0, r.def.lastIndexOf(r.prosrc)))]
    }),
    ...snapshot.policies
      .filter((p) => needsRecreation(model, 'pg_policy', p.oid, p.polrelid))
      .map((p) => of(`policy ${p.polname} of ${on(p.polrelid)}`, `${p.qual ?? ''} ${p.with_check ?? ''}`, null)),
    ...snapshot.rules
      .filter((r) => needsRecreation(model, 'pg_rewrite', r.oid, r.ev_class))
      .map((r) => of(`rule ${r.rulename} of ${on(r.ev_class)}`, r.def, null)),
    ...snapshot.triggers
      .filter((t) => needsRecreation(model, 'pg_trigger', t.oid, t.tgrelid))
      .map((t) => of(`trigger ${t.tgname} of ${on(t.tgrelid)}`, t.def)),
    ...snapshot.constraints
      .filter((k) => inPlan('pg_constraint', k.oid) && model.relations.has(k.conrelid))
      .map((k) => of(`constraint ${k.conname} of ${on(k.conrelid)}`, k.def)),
    ...snapshot.indexes
      .filter((i) => inPlan('pg_class', i.indexrelid))
      .map((i) => of(`index ${i.relname}`, `${i.expression_list ?? ''} ${i.predicate ?? ''}`)),
    ...snapshot.statistics
      .filter((s) => inPlan('pg_statistic_ext', s.oid))
      .map((s) => of(`statistics ${s.stxname}`, s.content[2].join(' '))),
    ...[...model.gone].flatMap(([oid, columns]) =>
      columns.map((c) => of(`column ${on(oid)}.${c.attname}`, c.default ?? '')),
    ),
  ]
}

function namesByPlace(model: Model, oid: Oid, { code, row_types, returns_rows_of }: Definition): string | null {
  const { schema, name } = model.name(oid)
  // most do not speak of it, and patterns are dear
  const isNamed = code.includes(name.replaceAll('"', '""')) || code.includes(name)
  const host = isNamed ? asPrinted(schema, name) : null
  if (host !== null && new RegExp(`${host} ${NAME}\\(`).test(code)) return 'names columns of % by their place'
  if (returns_rows_of === oid) return 'returns rows of % column by column'
  if (row_types?.includes(oid) !== false) {
    if (NAMES_RESULT.test(code)) return "names columns of a function's result, rows of %, by their place"
    if (row_types !== null && MAKES_ROW.test(code)) return 'makes rows of % column by column'
  }
  if (host === null) return null
  return usesRows(code, host) ?? (namesJoined(code, host) ? 'names columns of a join with % by their place' : null)
}
