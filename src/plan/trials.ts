import { addressKey } from '../catalog/dependency.ts'
import type { Oid } from '../catalog/fragments.ts'
import { createPolicy } from '../catalog/policy.ts'
import { replayable, replayableRoutine } from '../catalog/replay.ts'
import type { Routine } from '../catalog/routine.ts'
import { asPrinted, id, literal } from '../sql.ts'
import { generatedColumns, generation } from './host.ts'
import { shown, type Model } from './model.ts'
import { isMovedRoutine } from './moved.ts'
import { needsRecreation } from './parts.ts'
import type { Probe } from './probes.ts'
import { defaultTrials, filterTrials, statisticsTrial } from './text-trials.ts'
import { DIFFERS, onCopy, regclass, same, TRIAL, withoutSchema, withoutSemicolon } from './trial.ts'

/*
 * PostgreSQL prints some definitions in a form that it does not read as it was: a constant of a subquery with a cast,
 * after which it names the column, OR over OR, the marks of a CYCLE. Temporary objects, which are taken back at once,
 * show whether what would be created again prints the same.
 */

/** Of a view that was replaced by one that reads the view that it was. */
const readsNot = (oid: Oid) => `not exists (select from pg_catalog.pg_rewrite w
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
      where w.ev_class = ${regclass(TRIAL)} and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = ${oid})`

export function planTrials(model: Model): Probe[] {
  const { snapshot } = model
  const here = (catalog: string, objid: Oid) => model.nodes.has(addressKey({ catalog, objid, objsubid: 0 }))
  const ofHost = (oid: Oid) => model.gone.has(oid)
  return [
    ...snapshot.relations.flatMap(({ oid, viewdef, relkind }) => {
      if (!model.views.has(oid) || viewdef === null) return []
      const { name } = model.name(oid)
      const view = `${relkind === 'm' ? 'materialized view' : 'view'} ${shown(model.name(oid))}`
      const trial = [`create temporary view ${TRIAL} as ${replayable(withoutSemicolon(viewdef))}`]
      const prints = { trial, sql: same(`pg_catalog.pg_get_viewdef(${regclass(TRIAL)})`, viewdef) }
      return [
        { ...prints, reason: `${view} ${DIFFERS}` },
        ...(viewdef.includes(name) ? [{ trial, sql: readsNot(oid), reason: `${view} reads itself` }] : []),
      ]
    }),
    ...snapshot.routines.flatMap((r) =>
      here('pg_proc', r.oid) && (r.parsed || r.has_defaults) && !isMovedRoutine(model, r) ? routineTrial(r) : [],
    ),
    ...snapshot.policies.flatMap((p) => {
      if (!needsRecreation(model, 'pg_policy', p.oid, p.polrelid)) return []
      const { name } = model.name(p.polrelid)
      const printed = (column: string) => `pg_catalog.pg_get_expr(p.${column}, p.polrelid)`
      return onCopy(model, p.polrelid, `policy ${p.polname}`, {
        create: createPolicy({ ...p, description: null }, `pg_temp.${id(name)}`),
        sql: `(select ${same(printed('polqual'), p.qual)} and ${same(printed('polwithcheck'), p.with_check)}
          from pg_catalog.pg_policy p where p.polrelid = ${regclass(name)})`,
      })
    }),
    ...snapshot.rules.flatMap((r) =>
      needsRecreation(model, 'pg_rewrite', r.oid, r.ev_class)
        ? renamed(model, r.ev_class, `rule ${r.rulename}`, ' TO ', r.def, 'pg_rewrite', 'ev_class', 'pg_get_ruledef')
        : [],
    ),
    ...snapshot.triggers.flatMap((t) =>
      needsRecreation(model, 'pg_trigger', t.oid, t.tgrelid) && t.def.includes(' WHEN (')
        ? renamed(model, t.tgrelid, `trigger ${t.tgname}`, ' ON ', t.def, 'pg_trigger', 'tgrelid', 'pg_get_triggerdef')
        : [],
    ),
    ...snapshot.indexes.flatMap((i) =>
      ofHost(i.indrelid) && here('pg_class', i.indexrelid) && (i.expressions || i.partial) && !i.indisexclusion
        ? renamed(model, i.indrelid, `index ${i.relname}`, ' ON ', i.def, 'pg_index', 'indrelid', 'pg_get_indexdef')
        : [],
    ),
    ...[...model.gone.keys()].flatMap((oid) =>
      generatedColumns(model, oid).flatMap((c) => {
        const table = `pg_temp.${id(model.name(oid).name)}`
        const { type, clause } = generation(c)
        return onCopy(model, oid, `generated column ${c.attname}`, {
          create: [
            `alter table ${table} drop column ${id(c.attname)}`,
            `alter table ${table} add column ${id(c.attname)} ${type} ${clause}`,
          ],
          sql: `(select ${same('pg_catalog.pg_get_expr(d.adbin, d.adrelid)', c.default)}
            from pg_catalog.pg_attrdef d where d.adrelid = ${regclass(model.name(oid).name)})`,
        })
      }),
    ),
    ...snapshot.constraints.flatMap((k) => {
      if (!['c', 'x'].includes(k.contype) || !here('pg_constraint', k.oid)) return []
      if (!model.relations.has(k.conrelid) || model.moved.has(k.conrelid)) return []
      const { name } = model.name(k.conrelid)
      return onCopy(model, k.conrelid, `${k.contype === 'c' ? 'check' : 'exclusion constraint'} ${k.conname}`, {
        create: [`alter table pg_temp.${id(name)} add constraint ${TRIAL} ${replayable(k.def)}`],
        sql: `(select ${same('pg_catalog.pg_get_constraintdef(k.oid)', k.def)}
          from pg_catalog.pg_constraint k where k.conrelid = ${regclass(name)} and k.conname = '${TRIAL}')`,
      })
    }),
    ...defaultTrials(model),
    ...snapshot.statistics.flatMap((t) =>
      ofHost(t.stxrelid) && here('pg_statistic_ext', t.oid) ? statisticsTrial(model, t) : [],
    ),
    ...filterTrials(model),
  ]
}

/** Of a definition that names its table, after this word. */
function renamed(
  model: Model,
  oid: Oid,
  what: string,
  word: ' TO ' | ' ON ',
  definition: string,
  catalog: string,
  table: string,
  print: string,
): Probe[] {
  const { schema, name } = model.name(oid)
  const named = new RegExp(`${word}${asPrinted(schema)}[.](${asPrinted(name)})`)
  if (!named.test(definition)) return []
  const key = catalog === 'pg_index' ? 'indexrelid' : 'oid'
  const own = catalog === 'pg_trigger' ? ' and not x.tgisinternal' : ''
  return onCopy(model, oid, what, {
    create: [replayable(withoutSemicolon(definition.replace(named, () => `${word}pg_temp.${id(name)}`)))],
    sql: `(select ${same(
      withoutSchema(`pg_catalog.${print}(x.${key})`),
      definition.replace(named, `${word}$1`),
    )} from pg_catalog.${catalog} x where x.${table} = ${regclass(name)}${own})`,
  })
}

const SCHEMA = /^(CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) )(?:"(?:[^"]|"")*"|[^".(]+)\./

/** Under its own name, by which a body may speak of its arguments. */
function routineTrial(routine: Routine): Probe[] {
  const { nspname, proname, argument_types, def } = routine
  if (def === null || !SCHEMA.test(def)) return []
  const printed = `(select pg_catalog.pg_get_functiondef(p.oid) from pg_catalog.pg_proc p
    where p.pronamespace = pg_catalog.pg_my_temp_schema() and p.proname = ${literal(proname)})`
  return [
    {
      trial: [replayableRoutine(routine).replace(SCHEMA, '$1pg_temp.')],
      sql: same(withoutSchema(printed), def.replace(SCHEMA, '$1')),
      reason: `function ${nspname}.${proname}(${argument_types}) ${DIFFERS}`,
    },
  ]
}
