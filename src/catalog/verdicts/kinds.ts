import { contypes } from '../constraint.ts'
import { relkinds } from '../relation.ts'
import { prokinds } from '../routine.ts'
import { typtypes } from '../type.ts'
import { moved, refused, restored, untouched, type Verdict } from './verdict.ts'

/** Catalogs whose rows are of several kinds, which a column of one letter tells apart. */
const subkinds = {
  pg_class: relkinds,
  pg_constraint: contypes,
  pg_type: typtypes,
  pg_proc: prokinds,
} as const
type Divided = keyof typeof subkinds

/** Every catalog whose rows pg_depend can address. */
export const catalogs = [
  'pg_am',
  'pg_amop',
  'pg_amproc',
  'pg_attrdef',
  'pg_auth_members',
  'pg_authid',
  'pg_cast',
  'pg_class',
  'pg_collation',
  'pg_constraint',
  'pg_conversion',
  'pg_database',
  'pg_default_acl',
  'pg_event_trigger',
  'pg_extension',
  'pg_foreign_data_wrapper',
  'pg_foreign_server',
  'pg_language',
  'pg_largeobject',
  'pg_namespace',
  'pg_opclass',
  'pg_operator',
  'pg_opfamily',
  'pg_parameter_acl',
  'pg_policy',
  'pg_proc',
  'pg_publication',
  'pg_publication_namespace',
  'pg_publication_rel',
  'pg_rewrite',
  'pg_statistic_ext',
  'pg_subscription',
  'pg_tablespace',
  'pg_transform',
  'pg_trigger',
  'pg_ts_config',
  'pg_ts_dict',
  'pg_ts_parser',
  'pg_ts_template',
  'pg_type',
  'pg_user_mapping',
] as const
export type Catalog = (typeof catalogs)[number]

/** A catalog, or a catalog and a letter: `pg_policy`, `pg_class.r`. */
export type Kind =
  Exclude<Catalog, Divided> | { [C in Divided]: `${C}.${keyof (typeof subkinds)[C] & string}` }[Divided]

/** What people call the rows of a kind. */
export function nameOfKind(kind: Kind): string {
  const [catalog = '', letter] = kind.split('.')
  if (kind === 'pg_proc.w') return 'window function' // which ALTER calls a function
  if (letter === undefined) return names[kind as keyof typeof names]
  return (subkinds as Record<string, Record<string, string>>)[catalog]?.[letter] ?? kind
}

const names = {
  pg_am: 'access method',
  pg_amop: 'operator of an operator family',
  pg_amproc: 'function of an operator family',
  pg_attrdef: 'column default, generation expression',
  pg_auth_members: 'membership in a role',
  pg_authid: 'role',
  pg_cast: 'cast',
  pg_collation: 'collation',
  pg_conversion: 'conversion',
  pg_database: 'database',
  pg_default_acl: 'default privileges',
  pg_event_trigger: 'event trigger',
  pg_extension: 'extension',
  pg_foreign_data_wrapper: 'foreign data wrapper',
  pg_foreign_server: 'foreign server',
  pg_language: 'procedural language',
  pg_largeobject: 'large object',
  pg_namespace: 'schema',
  pg_opclass: 'operator class',
  pg_operator: 'operator',
  pg_opfamily: 'operator family',
  pg_parameter_acl: 'privileges on a setting',
  pg_policy: 'row security policy',
  pg_publication: 'publication',
  pg_publication_namespace: 'schema in a publication',
  pg_publication_rel: 'table in a publication',
  pg_rewrite: 'rule',
  pg_statistic_ext: 'extended statistics',
  pg_subscription: 'subscription',
  pg_tablespace: 'tablespace',
  pg_transform: 'transform',
  pg_trigger: 'trigger',
  pg_ts_config: 'text search configuration',
  pg_ts_dict: 'text search dictionary',
  pg_ts_parser: 'text search parser',
  pg_ts_template: 'text search template',
  pg_user_mapping: 'user mapping',
} as const satisfies Record<Exclude<Catalog, Divided>, string>

const needsFunction = 'it needs a function of the feature, and how to create it again is not known'
const cannotDepend = 'it does not depend on tables, views, functions or types'

/** What becomes of an object of each kind that is part of a feature or depends on it. */
export const kindVerdicts = {
  'pg_class.r': moved(
    'a table is renamed to its backup name and back; of a table that stays the declared columns are backed up, dropped, added again and filled',
    'a partition of a table that stays, a tree of inheritance that does not leave as a whole, a temporary table, a typed host table',
    'a host table that is a partition, or that others inherit from',
    'a table that a subscription writes to, or that is published with its whole schema or FOR ALL TABLES',
    'a host table with a rule on UPDATE, without a usable key, or of which no column would be left',
    'a host table whose rows are stored in a column elsewhere',
  ),
  'pg_class.p': moved(
    'renamed to its backup name and back, with all of its partitions, which stay attached; of one that stays, the declared columns go and come back in all of its partitions',
    'a partition that is being detached or is a foreign table, or of which columns are declared by itself',
  ),
  'pg_class.v': restored(
    'created again from its definition, options, column defaults, grants and comments',
    'one that names the columns of a host table by their place',
    'one whose row type is used by something that is moved, or has a comment or grants of its own',
  ),
  'pg_class.m': restored(
    'created again, filled if it was filled, with its indexes, storage and statistics targets',
    'one that is filled and reads one that is not',
  ),
  'pg_class.i': restored(
    'of a moved table: renamed with it; of a host table: built again, concurrently, before the columns appear',
    'the replica identity, an index that is not valid, depends on an extension, or speaks of the whole row; of a partitioned table or an exclusion constraint: one in a tablespace',
    'part of a partitioned index',
  ),
  'pg_class.I': moved(
    'renamed with its table; of a table that stays: built again for each partition, concurrently, and attached to one of the partitioned table',
  ),
  'pg_class.S': moved(
    'renamed with its table, or by itself; the sequence of an identity column is made again in the state it had',
    'a member of an extension',
  ),
  'pg_class.t': untouched('belongs to its table, and PostgreSQL makes it'),
  'pg_class.c': moved('a composite type is renamed to its backup name and back'),
  'pg_class.f': refused('foreign tables are neither moved, nor do columns of theirs come back'),
  'pg_constraint.c': restored(
    'of a moved table: stays; of a table that stays: added again NOT VALID and validated, unless it was not valid',
    'one that speaks of the whole row of a host table, or is inherited',
  ),
  'pg_constraint.f': restored(
    'dropped even where its table is moved, added again NOT VALID and validated; that of a partitioned table partition by partition, then made one again; rows without a parent are set aside',
    'a part of the foreign key of a partitioned table that stays, or one that says the same as another of that table',
  ),
  'pg_constraint.n': restored(
    'with its column, under its name',
    'one that is NOT VALID, of a partitioned table or of a generated column',
  ),
  'pg_constraint.p': moved(
    'with its table; of a table that stays: made again from an index built before',
    'where no other key is left, or where it is the replica identity of a published table',
  ),
  'pg_constraint.u': restored(
    'of a moved table: stays; of a table that stays: made from an index that was built before, deferrable or not',
    'one whose rows would all get the same default',
  ),
  'pg_constraint.t': restored('with its constraint trigger'),
  'pg_constraint.x': restored(
    'of a moved table: stays; of a table that stays: built under lock, which the declaration has to acknowledge',
  ),
  pg_attrdef: restored(
    'with its column',
    'a default of a column that stays, where it needs a part of the feature: change the default first; one of a column that goes, where it calls a function whose text names a table or removed column of the feature: change the function first',
  ),
  pg_trigger: restored(
    'of a moved table: stays; of another table: created again from its definition, enabled as it was',
    'a row trigger of a partitioned table that stays, one that depends on an extension',
  ),
  pg_policy: restored('of a moved table: stays; of another table: created again'),
  pg_rewrite: restored('of a moved table: stays; of another table or a view: created again, enabled as it was'),
  pg_statistic_ext: restored('of a moved table: renamed with it; of another table: created again'),
  'pg_type.b': moved('renamed to its backup name and back, with its functions'),
  'pg_type.c': moved('renamed to its backup name and back; the row type of a table or view goes and comes with that'),
  'pg_type.d': moved('renamed to its backup name and back', 'one whose constraints need something that is dropped'),
  'pg_type.e': moved('renamed to its backup name and back'),
  'pg_type.r': moved('renamed to its backup name and back, its constructors with it'),
  'pg_type.m': moved('with its range type'),
  'pg_type.p': refused('a shell type is the promise of another type'),
  'pg_proc.f': restored(
    'created again from its definition; renamed and kept where something that stays or is moved calls it, or the session could not create it again',
    'a member of an extension, one that depends on an extension, or that an event trigger calls',
    'one that can only be moved but needs something that is dropped',
  ),
  'pg_proc.p': restored('created again from its definition'),
  'pg_proc.w': restored('created again from its definition'),
  'pg_proc.a': moved('renamed to its backup name and back, with the functions that it calls'),
  pg_cast: moved('the cast that PostgreSQL makes with a range type goes with that', 'every other cast'),
  pg_am: refused(needsFunction),
  pg_amop: refused('operator families are not taken apart'),
  pg_amproc: refused('operator families are not taken apart'),
  pg_auth_members: untouched(cannotDepend),
  pg_authid: untouched(cannotDepend),
  pg_collation: untouched('what uses it depends on it, it depends on nothing of a feature'),
  pg_conversion: refused(needsFunction),
  pg_database: untouched(cannotDepend),
  pg_default_acl: untouched('what is created again ends with the grants that it had, whatever the defaults give'),
  pg_event_trigger: refused(
    'it calls a function of the feature; one that is enabled for DDL refuses every feature unless acknowledged',
  ),
  pg_extension: untouched('its members are refused'),
  pg_foreign_data_wrapper: refused(needsFunction),
  pg_foreign_server: untouched(cannotDepend),
  pg_language: refused(needsFunction),
  pg_largeobject: untouched('a table that holds its number is moved, the object stays'),
  pg_namespace: untouched(cannotDepend),
  pg_opclass: refused('it needs a type or function of the feature'),
  pg_operator: refused('it needs a type or function of the feature'),
  pg_opfamily: untouched('its operators and functions are refused'),
  pg_parameter_acl: untouched(cannotDepend),
  pg_publication: untouched(
    'the publication stays, only its tables leave and come back; one that would take in the backups is refused',
  ),
  pg_publication_namespace: refused('the publication of a schema would publish the backups'),
  pg_publication_rel: restored(
    'a moved table leaves its publications and is in them again, with column list and row filter; a host table stays in them, and names its columns while others are hidden (15 and newer)',
    'of a host table: on PostgreSQL 14, with REPLICA IDENTITY FULL or without any, with a row filter over a removed column, a list of removed columns alone',
    'of a publication whose owner the session may not act for',
  ),
  pg_subscription: refused('it would find its table gone, or a column of it'),
  pg_tablespace: untouched(cannotDepend),
  pg_transform: refused('it needs a type or function of the feature'),
  pg_ts_config: refused('it needs a text search parser or dictionary that needs a function of the feature'),
  pg_ts_dict: refused('it needs a text search template that needs a function of the feature'),
  pg_ts_parser: refused(needsFunction),
  pg_ts_template: refused(needsFunction),
  pg_user_mapping: untouched(cannotDepend),
} as const satisfies Record<Kind, Verdict>

/** The kinds that a removal takes along: each needs a judge of what has to be declared. */
export type JudgedKind = {
  [K in Kind]: (typeof kindVerdicts)[K]['verdict'] extends 'restored' | 'moved' ? K : never
}[Kind]
