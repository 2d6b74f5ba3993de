import type { Column } from '../../catalog/column.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { replayable } from '../../catalog/replay.ts'
import { hiddenName } from '../../names.ts'
import { id, literal, qualified } from '../../sql.ts'
import { grants } from './acl.ts'
import { madeNotNull, notNullCheck } from './host.ts'
import type { Model } from '../model.ts'
import { whileMember } from '../tree.ts'

/** What ADD COLUMN on the partitioned table leaves to do for one of its partitions, by phase. */
export interface MemberStatements {
  readonly table: Oid
  readonly add: string[]
  readonly locked: string[]
  readonly online: string[]
  readonly reveal: string[]
}

/**
 * A partition has its parent's columns, but defaults, NOT NULL, storage, statistics targets, options, comments and
 * privileges of its own. Partitions that have come since have what PostgreSQL gives to new ones.
 */
export function memberStatements(model: Model, root: Oid, column: Column): MemberStatements[] {
  return model.members(root).flatMap(({ relid, parent }) => {
    const own = columnOf(model, relid, column)
    return own ? [ofMember(model, root, relid, { column, own, above: columnOf(model, parent, column) ?? column })] : []
  })
}

const columnOf = (model: Model, oid: Oid, column: Column) =>
  model.gone.get(oid)?.find((c) => c.attname === column.attname)

function ofMember(
  model: Model,
  root: Oid,
  relid: Oid,
  { column, own, above }: { column: Column; own: Column; above: Column },
): MemberStatements {
  const { major } = model.snapshot.environment
  const table = qualified(model.name(relid))
  const only = `alter table only ${table}`
  // generated columns come back at the reveal, under their own names
  const generated = column.attgenerated !== ''
  const hidden = id(generated ? column.attname : hiddenName(column.attname))
  const name = id(column.attname)
  const there = (...statements: string[]) => whileMember(model.name(root), model.name(relid), statements)

  const add: string[] = []
  if (own.storage !== column.storage)
    add.push(`${only} alter column ${hidden} set storage ${own.storage ?? own.type_storage}`)
  if (own.compression !== column.compression)
    add.push(`${only} alter column ${hidden} set compression ${own.compression ?? 'default'}`)
  if (own.attstattarget >= 0) add.push(`${only} alter column ${hidden} set statistics ${String(own.attstattarget)}`)
  if (own.attoptions?.length) add.push(`${only} alter column ${hidden} set (${own.attoptions.join(', ')})`)
  if (own.description !== null) add.push(`comment on column ${table}.${hidden} is ${literal(own.description)}`)

  const locked: string[] = []
  const online: string[] = []
  const reveal: string[] = []
  if (generated) {
    reveal.push(...add.splice(0))
    if (own.attnotnull && !above.attnotnull)
      reveal.push(
        major >= 18
          ? `alter table ${table} add constraint ${id(own.not_null_name ?? '')} not null ${name}`
          : `alter table ${table} alter column ${name} set not null`,
      )
  } else if (own.attnotnull && !above.attnotnull) {
    const check = major >= 18 ? id(own.not_null_name ?? '') : notNullCheck(own)
    locked.push(
      major >= 18
        ? `alter table ${table} add constraint ${check} not null ${hidden} not valid`
        : `alter table ${table} add constraint ${check} check (${hidden} is distinct from null) not valid`,
    )
    online.push(`alter table ${table} validate constraint ${check}`)
    reveal.push(...madeNotNull(table, name, own, major))
  }
  if (own.default !== column.default && column.attidentity === '' && !generated)
    reveal.push(
      own.default === null
        ? `${only} alter column ${name} drop default`
        : `${only} alter column ${name} set default ${replayable(own.default)}`,
    )
  if (own.not_null_description !== null)
    reveal.push(
      `comment on constraint ${id(own.not_null_name ?? '')} on ${table} is ${literal(own.not_null_description)}`,
    )
  reveal.push(...grants(`table ${table}`, own.attacl ?? [], model.relation(relid).owner, ` (${name})`))
  return {
    table: relid,
    add: there(...add),
    locked: there(...locked),
    online: there(...online),
    reveal: there(...reveal),
  }
}
