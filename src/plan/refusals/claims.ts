import { addressKey } from '../../catalog/dependency.ts'
import type { Model } from '../model.ts'
import type { Claim } from '../plan.ts'

/** The names that come free with a removal, and that its restore will need again. */
export function planClaims(model: Model): Claim[] {
  const { snapshot } = model
  const here = (catalog: string, oid: string) => model.nodes.has(addressKey({ catalog, objid: oid, objsubid: 0 }))
  const leaves = (oid: string) => model.moved.has(oid) || model.views.has(oid)
  const stays = (oid: string) => model.relations.has(oid) && !leaves(oid)
  const claim = (kind: Claim['kind'], schema: string, name: string, part: string | null = null): Claim => ({
    kind,
    schema,
    name,
    part,
  })
  return [
    ...snapshot.relations
      .filter((r) => leaves(r.oid) || (r.relkind === 'S' && here('pg_class', r.oid)))
      .flatMap((r) => [
        claim('relation', r.nspname, r.relname),
        // a table or view brings a type of its name along
        ...(r.relkind === 'S' ? [] : [claim('type', r.nspname, r.relname)]),
      ]),
    ...snapshot.indexes
      .filter((i) => leaves(i.indrelid) || here('pg_class', i.indexrelid))
      .map((i) => claim('relation', i.nspname, i.relname)),
    ...[...model.removed].flatMap(([oid, columns]) =>
      columns.map((c) => claim('column', model.name(oid).schema, model.name(oid).name, c.attname)),
    ),
    ...snapshot.routines
      .filter((r) => here('pg_proc', r.oid))
      .map((r) => claim('function', r.nspname, r.proname, r.argument_types)),
    ...snapshot.types
      .filter((t) => model.declared.has(addressKey({ catalog: 'pg_type', objid: t.oid, objsubid: 0 })))
      .map((t) => claim('type', t.nspname, t.typname)),
    ...snapshot.statistics
      .filter((s) => here('pg_statistic_ext', s.oid) || leaves(s.stxrelid))
      .map((s) => claim('statistics', s.nspname, s.stxname)),
    ...snapshot.constraints
      .filter((k) => here('pg_constraint', k.oid) && stays(k.conrelid))
      .map((k) => claim('constraint', model.name(k.conrelid).schema, model.name(k.conrelid).name, k.conname)),
    ...snapshot.triggers
      .filter((t) => here('pg_trigger', t.oid) && stays(t.tgrelid))
      .map((t) => claim('trigger', model.name(t.tgrelid).schema, model.name(t.tgrelid).name, t.tgname)),
    ...snapshot.policies
      .filter((p) => here('pg_policy', p.oid) && stays(p.polrelid))
      .map((p) => claim('policy', model.name(p.polrelid).schema, model.name(p.polrelid).name, p.polname)),
    ...snapshot.rules
      .filter((r) => here('pg_rewrite', r.oid) && stays(r.ev_class))
      .map((r) => claim('rule', model.name(r.ev_class).schema, model.name(r.ev_class).name, r.rulename)),
  ]
}
