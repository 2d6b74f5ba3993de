import type { Column } from '../../catalog/column.ts'
import { replayable, replayableStatistics } from '../../catalog/replay.ts'
import type { Statistics } from '../../catalog/statistics.ts'
import { asPrinted, id } from '../../sql.ts'
import { shown, type Model } from '../model.ts'
import type { Probe } from './probes.ts'
import { defaultKey, onCopy, regclass, same, TRIAL, trialOf, withoutSchema } from './trial.ts'

/** Of columns that go, and of views that are created again. */
export const defaultTrials = (model: Model): Probe[] => [
  ...[...model.gone].flatMap(([oid, columns]) =>
    columns.filter((c) => c.attgenerated === '').flatMap((c) => defaultTrial(model, oid, c)),
  ),
  ...[...model.views].flatMap((oid) => model.columns(oid).flatMap((c) => defaultTrial(model, oid, c))),
]

function defaultTrial(model: Model, oid: string, column: Column): Probe | [] {
  const { attname, type, default: printed } = column
  // a plain constant
  if (printed === null || !/[([]|^CASE /.test(printed)) return []
  const tried = `from pg_catalog.pg_attrdef d where d.adrelid = ${regclass(TRIAL)}`
  return trialOf(model, {
    what: `the default of column ${shown(model.name(oid))}.${attname}`,
    trial: [`create temporary table ${TRIAL} (value ${type} default ${replayable(printed)})`],
    key: defaultKey(model, oid, column),
    tried: `(select d.oid ${tried})`,
    sql: `(select ${same('pg_catalog.pg_get_expr(d.adbin, d.adrelid)', printed)} ${tried})`,
    lenient: true,
  })
}

export function statisticsTrial(
  model: Model,
  { oid, nspname, stxname, stxrelid, def, content }: Statistics,
): Probe | [] {
  const { schema, name } = model.name(stxrelid)
  const own = new RegExp(`^CREATE STATISTICS ${asPrinted(nspname)}[.]`)
  const table = new RegExp(` FROM ${asPrinted(schema)}[.](${asPrinted(name)})$`)
  const [, , expressions] = content
  if (expressions.length === 0 || !own.test(def) || !table.test(def)) return []
  const tried = `from pg_catalog.pg_statistic_ext s where s.stxrelid = ${regclass(name)}`
  const statistics = def.replace(own, 'CREATE STATISTICS ').replace(table, ' FROM $1')
  return onCopy(model, stxrelid, `statistics ${stxname}`, {
    create: [
      replayableStatistics(def)
        .replace(own, 'CREATE STATISTICS pg_temp.')
        .replace(table, () => ` FROM pg_temp.${id(name)}`),
    ],
    key: `pg_statistic_ext:${oid}:0`,
    tried: `(select s.oid ${tried})`,
    sql: `(select ${same(withoutSchema('pg_catalog.pg_get_statisticsobjdef(s.oid)'), statistics)} ${tried})`,
  })
}

/** As a check, which is printed like the row filter of a publication. */
export const filterTrials = (model: Model): Probe[] =>
  model.snapshot.memberships.flatMap(({ prrelid, pubname, filter }) => {
    if (filter === null || !(model.moved.has(prrelid) || model.gone.has(prrelid))) return []
    const { name } = model.name(prrelid)
    const tried = `from pg_catalog.pg_constraint k where k.conrelid = ${regclass(name)} and k.conname = '${TRIAL}'`
    return onCopy(model, prrelid, `the row filter in publication ${pubname}`, {
      // it has nothing but what is built in
      key: '',
      tried: `(select k.oid ${tried})`,
      create: [`alter table pg_temp.${id(name)} add constraint ${TRIAL} check (${replayable(filter)})`],
      sql: `(select ${same('pg_catalog.pg_get_expr(k.conbin, k.conrelid)', filter)} ${tried})`,
    })
  })
