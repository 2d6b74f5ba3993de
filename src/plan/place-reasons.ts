import type { Oid } from '../catalog/fragments.ts'
import { asPrinted } from '../sql.ts'
import { columnsMove } from './column-order.ts'
import { shown, type Model } from './model.ts'
import { needsRecreation } from './parts.ts'

/*
 * Restored columns stand last. Definitions that name columns by their place would then print the same and mean others,
 * or fail.
 */

interface Definition {
  readonly what: string
  readonly text: string
  /** Tables whose row types it speaks of; null where that is not known. */
  readonly row_types: readonly Oid[] | null
  readonly returns_rows_of: Oid | null
}

const NAME = '(?:"(?:[^"]|"")*"|[a-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)'

/** `f() WITH ORDINALITY f(id, name)` */
const NAMES_RESULT = new RegExp(`\\)(?: WITH ORDINALITY)? (?:AS )?${NAME}\\(`, 'i')
const MAKES_ROW = /\bROW\(/

const of = (what: string, text: string): Definition => ({ what, text, row_types: null, returns_rows_of: null })

export function placeReasons(model: Model): string[] {
  const definitions: Definition[] = [
    ...model.snapshot.relations.flatMap((r) =>
      model.views.has(r.oid) && r.viewdef !== null
        ? [
            {
              what: `view ${shown(model.name(r.oid))}`,
              text: r.viewdef,
              row_types: r.row_types,
              returns_rows_of: null,
            },
          ]
        : [],
    ),
    ...model.snapshot.routines.flatMap((r) =>
      model.nodes.has(`pg_proc:${r.oid}:0`) && r.parsed && r.def !== null
        ? [{ ...r, what: `function ${r.proname}(${r.argument_types})`, text: r.def }]
        : [],
    ),
    ...model.snapshot.policies.flatMap((p) =>
      needsRecreation(model, 'pg_policy', p.oid, p.polrelid)
        ? [of(`policy ${p.polname} of ${shown(model.name(p.polrelid))}`, `${p.qual ?? ''} ${p.with_check ?? ''}`)]
        : [],
    ),
    ...model.snapshot.rules.flatMap((r) =>
      needsRecreation(model, 'pg_rewrite', r.oid, r.ev_class)
        ? [of(`rule ${r.rulename} of ${shown(model.name(r.ev_class))}`, r.def)]
        : [],
    ),
  ]
  return [...model.gone.keys()]
    .filter((oid) => columnsMove(model, oid))
    .flatMap((oid) => {
      const host = shown(model.name(oid))
      return definitions.flatMap((definition) => {
        const how = namesByPlace(model, oid, definition)
        return how === null ? [] : [`${definition.what} ${how.replace('%', host)}, and restored columns stand last`]
      })
    })
}

function namesByPlace(model: Model, oid: Oid, { text, row_types, returns_rows_of }: Definition): string | null {
  const { schema, name } = model.name(oid)
  if (new RegExp(`${asPrinted(schema, name)} ${NAME}\\(`).test(text)) return 'names columns of % by their place'
  if (returns_rows_of === oid) return 'returns rows of % column by column'
  if (row_types?.includes(oid) === false) return null
  if (NAMES_RESULT.test(text)) return "names columns of a function's result, rows of %, by their place"
  return row_types !== null && MAKES_ROW.test(text) ? 'makes rows of % column by column' : null
}
