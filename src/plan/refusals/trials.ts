import { addressKey } from '../../catalog/dependency.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { createPolicy } from '../../catalog/policy.ts'
import { replayable, replayableRoutine } from '../../catalog/replay.ts'
import type { Routine } from '../../catalog/routine.ts'
import { asPrinted, id, literal } from '../../sql.ts'
import { generatedColumns, generation } from '../objects/host.ts'
import { shown, type Model } from '../model.ts'
import { isMovedRoutine } from '../objects/moved.ts'
import { needsRecreation } from '../parts.ts'
import type { Probe } from './probes.ts'
import { defaultTrials, filterTrials, statisticsTrial } from './text-trials.ts'
import { defaultKey, onCopy, regclass, same, TRIAL, trialOf, withoutSchema, withoutSemicolon } from './trial.ts'

/*
 * PostgreSQL prints some definitions in a form that it does not read as it was: a constant of a subquery with a cast,
 * after which it names the column, OR over OR, the marks of a CYCLE. Temporary objects, which are taken back at once,
 * show whether what would be created again prints the same, and whether the same is meant by it.
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
      const queryOf = (relation: string) =>
        `(select w.oid from pg_catalog.pg_rewrite w where w.ev_class = ${relation} and w.rulename = '_RETURN')`
      const rule = snapshot.bound.find((b) => b.view === oid)
      return [
        trialOf(model, {
          ...{ what: view, trial, key: rule?.dependent ?? '', tried: queryOf(regclass(TRIAL)) },
          sql: same(`pg_catalog.pg_get_viewdef(${regclass(TRIAL)})`, viewdef),
        }),
        ...(viewdef.includes(name) ? [{ trial, sql: readsNot(oid), reason: `${view} reads itself` }] : []),
      ]
    }),
    ...snapshot.routines.flatMap((r) =>
      here('pg_proc', r.oid) && (r.parsed || r.has_defaults) && !isMovedRoutine(model, r) ? routineTrial(model, r) : [],
    ),
    ...snapshot.policies.flatMap((p) => {
      if (!needsRecreation(model, 'pg_policy', p.oid, p.polrelid)) return []
      const { name } = model.name(p.polrelid)
      const printed = (column: string) => `pg_catalog.pg_get_expr(p.${column}, p.polrelid)`
      return onCopy(model, p.polrelid, `policy ${p.polname}`, {
        create: createPolicy({ ...p, description: null }, `pg_temp.${id(name)}`),
        key: `pg_policy:${p.oid}:0`,
        tried: `(select p.oid from pg_catalog.pg_policy p where p.polrelid = ${regclass(name)})`,
        sql: `(select ${same(printed('polqual'), p.qual)} and ${same(printed('polwithcheck'), p.with_check)}
          from pg_catalog.pg_policy p where p.polrelid = ${regclass(name)})`,
      })
    }),
    ...snapshot.rules.flatMap((r) =>
      needsRecreation(model, 'pg_rewrite', r.oid, r.ev_class)
        ? renamed(model, r.ev_class, 'pg_rewrite', r.oid, `rule ${r.rulename}`, r.def)
        : [],
    ),
    ...snapshot.triggers.flatMap((t) =>
      needsRecreation(model, 'pg_trigger', t.oid, t.tgrelid) && t.def.includes(' WHEN (')
        ? renamed(model, t.tgrelid, 'pg_trigger', t.oid, `trigger ${t.tgname}`, t.def)
        : [],
    ),
    ...snapshot.indexes.flatMap((i) =>
      ofHost(i.indrelid) && here('pg_class', i.indexrelid) && (i.expressions || i.partial) && !i.indisexclusion
        ? renamed(model, i.indrelid, 'pg_index', i.indexrelid, `index ${i.relname}`, i.def)
        : [],
    ),
    ...[...model.gone.keys()].flatMap((oid) =>
      generatedColumns(model, oid).flatMap((c) => {
        const table = `pg_temp.${id(model.name(oid).name)}`
        const { type, clause } = generation(c)
        const tried = `from pg_catalog.pg_attrdef d where d.adrelid = ${regclass(model.name(oid).name)}`
        return onCopy(model, oid, `generated column ${c.attname}`, {
          create: [
            `alter table ${table} drop column ${id(c.attname)}`,
            `alter table ${table} add column ${id(c.attname)} ${type} ${clause}`,
          ],
          key: defaultKey(model, oid, c),
          tried: `(select d.oid ${tried})`,
          sql: `(select ${same('pg_catalog.pg_get_expr(d.adbin, d.adrelid)', c.default)} ${tried})`,
        })
      }),
    ),
    ...snapshot.constraints.flatMap((k) => {
      if (!['c', 'x'].includes(k.contype) || !here('pg_constraint', k.oid)) return []
      if (!model.relations.has(k.conrelid) || model.moved.has(k.conrelid)) return []
      const { name } = model.name(k.conrelid)
      const index = snapshot.indexes.find((i) => i.conoid === k.oid)
      const tried = `from pg_catalog.pg_constraint k where k.conrelid = ${regclass(name)} and k.conname = '${TRIAL}'`
      return onCopy(model, k.conrelid, `${k.contype === 'c' ? 'check' : 'exclusion constraint'} ${k.conname}`, {
        create: [`alter table pg_temp.${id(name)} add constraint ${TRIAL} ${replayable(k.def)}`],
        // what an exclusion constraint is made of is its index's
        ...(index
          ? { key: `pg_class:${index.indexrelid}:0`, tried: `(select k.conindid ${tried})` }
          : { key: `pg_constraint:${k.oid}:0`, tried: `(select k.oid ${tried})` }),
        sql: `(select ${same('pg_catalog.pg_get_constraintdef(k.oid)', k.def)} ${tried})`,
      })
    }),
    ...defaultTrials(model),
    ...snapshot.statistics.flatMap((t) =>
      ofHost(t.stxrelid) && here('pg_statistic_ext', t.oid) ? statisticsTrial(model, t) : [],
    ),
    ...filterTrials(model),
  ]
}

/** Definitions that name their table, after a word; the columns that have the identifiers of it and of theirs. */
const RENAMED = {
  pg_rewrite: { word: ' TO ', table: 'ev_class', key: 'oid', print: 'pg_get_ruledef' },
  pg_trigger: { word: ' ON ', table: 'tgrelid', key: 'oid', print: 'pg_get_triggerdef' },
  pg_index: { word: ' ON ', table: 'indrelid', key: 'indexrelid', print: 'pg_get_indexdef' },
} as const

function renamed(
  model: Model,
  relid: Oid,
  catalog: keyof typeof RENAMED,
  oid: Oid,
  what: string,
  definition: string,
): Probe | [] {
  const { word, table, key, print } = RENAMED[catalog]
  const { schema, name } = model.name(relid)
  const named = new RegExp(`${word}${asPrinted(schema)}[.](${asPrinted(name)})`)
  if (!named.test(definition)) return []
  const own = catalog === 'pg_trigger' ? ' and not x.tgisinternal' : ''
  const tried = `from pg_catalog.${catalog} x where x.${table} = ${regclass(name)}${own}`
  return onCopy(model, relid, what, {
    create: [replayable(withoutSemicolon(definition.replace(named, () => `${word}pg_temp.${id(name)}`)))],
    key: `${catalog === 'pg_index' ? 'pg_class' : catalog}:${oid}:0`,
    tried: `(select x.${key} ${tried})`,
    sql: `(select ${same(
      withoutSchema(`pg_catalog.${print}(x.${key})`),
      definition.replace(named, `${word}$1`),
    )} ${tried})`,
  })
}

const SCHEMA = /^(CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) )(?:"(?:[^"]|"")*"|[^".(]+)\./

/** Under its own name, by which a body may speak of its arguments. */
function routineTrial(model: Model, routine: Routine): Probe[] {
  const { oid, nspname, proname, argument_types, def } = routine
  if (def === null || !SCHEMA.test(def)) return []
  const tried = `from pg_catalog.pg_proc p
    where p.pronamespace = pg_catalog.pg_my_temp_schema() and p.proname = ${literal(proname)}`
  const printed = `(select pg_catalog.pg_get_functiondef(p.oid) ${tried})`
  return [
    trialOf(model, {
      what: `function ${nspname}.${proname}(${argument_types})`,
      key: `pg_proc:${oid}:0`,
      tried: `(select p.oid ${tried})`,
      trial: [replayableRoutine(routine).replace(SCHEMA, '$1pg_temp.')],
      sql: same(withoutSchema(printed), def.replace(SCHEMA, '$1')),
    }),
  ]
}
