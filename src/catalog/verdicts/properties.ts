import { pg_publication_rel } from './publication.ts'
import { moved, refused, restored, untouched, type Verdict } from './verdict.ts'

const books = untouched('the server keeps it for itself; no dump shows it')
const name = restored('names and schemas are what they were')
const owner = restored('the owner is set again; the session must be allowed to act for it')
const acl = restored(
  'grants with their grantors, in their order, with grant options; none that default privileges would add',
  'privileges granted by a role that the session may not act for',
)
const definition = restored('the definition that PostgreSQL prints, which is compared after the restore')
const nature = restored('the kind of object, see above')
const inheritance = moved('a tree leaves as a whole', 'inherited columns, tables of a tree that stays')
const typeItself = moved('the type itself is renamed and never changed')

const pg_class = {
  oid: books,
  relname: name,
  relnamespace: name,
  reltype: moved('the row type goes and comes with its table or view'),
  reloftype: moved('a typed table stays typed', 'typed host tables'),
  relowner: owner,
  relam: restored('of a table: stays; of a materialized view: named again'),
  relfilenode: books,
  reltablespace: restored(
    'of a table: stays; of a materialized view and its indexes: set again',
    'an index of a host table',
  ),
  relpages: books,
  reltuples: books,
  relallvisible: books,
  relallfrozen: books,
  reltoastrelid: books,
  relhasindex: books,
  relisshared: books,
  relpersistence: moved('unlogged tables stay unlogged', 'temporary tables and views'),
  relkind: nature,
  relnatts: books,
  relchecks: books,
  relhasrules: books,
  relhastriggers: books,
  relhassubclass: inheritance,
  relrowsecurity: moved('row level security of a table stays as it is'),
  relforcerowsecurity: restored('lifted while the table is a backup, set again'),
  relispopulated: restored('a materialized view is filled if it was filled'),
  relreplident: moved('the replica identity of a table stays', 'an index over a removed column'),
  relispartition: moved('partitions leave with their table and stay attached', 'a partition of a table that stays'),
  relrewrite: books,
  relfrozenxid: books,
  relminmxid: books,
  relacl: acl,
  reloptions: restored(
    'of a table: stay; of views (check option, security_barrier, security_invoker) and indexes: set again, toast options too',
  ),
  relpartbound: moved('the bounds of a partition stay'),
} as const

const pg_attribute = {
  attrelid: books,
  attname: name,
  atttypid: restored('the same type', 'a column that stores the rows of a view of the feature'),
  attstattarget: restored('set again, of columns, materialized views and indexes'),
  attlen: books,
  attnum: restored('the one exception: a restored column stands last in its table, as PostgreSQL adds it'),
  attcacheoff: books,
  attndims: books,
  attbyval: books,
  attstorage: restored('set again where it is not that of the type'),
  attalign: books,
  attcompression: restored('set again'),
  attnotnull: restored('proved without holding anybody up; under its name from PostgreSQL 18 on'),
  atthasdef: books,
  atthasmissing: books,
  attmissingval: books,
  attidentity: restored('ALWAYS or BY DEFAULT, with its sequence in the state that it had'),
  attgenerated: restored('virtual ones (18); stored ones where the declaration acknowledges the rewrite'),
  attisdropped: books,
  attislocal: inheritance,
  attinhcount: inheritance,
  attcollation: restored('named again where it is not that of the type'),
  attacl: acl,
  attoptions: restored('n_distinct and n_distinct_inherited are set again'),
  attfdwoptions: refused('foreign tables'),
  atttypmod: restored('the same type'),
} as const

const pg_attrdef = { oid: books, adrelid: books, adnum: books, adbin: definition } as const

const pg_constraint = {
  oid: books,
  conname: name,
  connamespace: name,
  contype: nature,
  condeferrable: definition,
  condeferred: definition,
  conenforced: definition,
  convalidated: restored(
    'what was valid is validated again, what was not stays NOT VALID; in the part of a foreign key for one partition referred to, the mark, which nothing reads, may say NOT VALID before PostgreSQL 18',
  ),
  conrelid: definition,
  contypid: typeItself,
  conindid: books,
  conparentid: restored('parts of foreign keys are parts again', 'other constraints that a table that stays shares'),
  confrelid: definition,
  confupdtype: definition,
  confdeltype: definition,
  confmatchtype: definition,
  conislocal: inheritance,
  coninhcount: inheritance,
  connoinherit: restored('NO INHERIT of a check', 'NO INHERIT of NOT NULL'),
  conperiod: definition,
  conkey: definition,
  confkey: definition,
  conpfeqop: definition,
  conppeqop: definition,
  conffeqop: definition,
  confdelsetcols: definition,
  conexclop: definition,
  conbin: restored('the definition that PostgreSQL prints', 'a check of the whole row of a host table'),
} as const

const pg_index = {
  indexrelid: books,
  indrelid: books,
  indnatts: definition,
  indnkeyatts: definition,
  indisunique: definition,
  indnullsnotdistinct: definition,
  indisprimary: restored('the primary key of a moved table stays; one over a removed column is made again'),
  indisexclusion: definition,
  indimmediate: definition,
  indisclustered: restored('the CLUSTER mark is set again'),
  indisvalid: refused('indexes that are not valid'),
  indcheckxmin: books,
  indisready: books,
  indislive: books,
  indisreplident: moved('that of a moved table stays', 'one over a removed column'),
  indkey: definition,
  indcollation: definition,
  indclass: definition,
  indoption: definition,
  indexprs: restored('the definition that PostgreSQL prints', 'one over the whole row of a host table'),
  indpred: restored('the definition that PostgreSQL prints', 'one over the whole row of a host table'),
} as const

const pg_trigger = {
  oid: books,
  tgrelid: definition,
  tgparentid: moved('row triggers and their copies stay', 'row triggers of a partitioned table that stays'),
  tgname: name,
  tgfoid: definition,
  tgtype: definition,
  tgenabled: restored('enabled, disabled, on a replica, always: as it was'),
  tgisinternal: books,
  tgconstrrelid: definition,
  tgconstrindid: definition,
  tgconstraint: definition,
  tgdeferrable: definition,
  tginitdeferred: definition,
  tgnargs: definition,
  tgattr: definition,
  tgargs: definition,
  tgqual: definition,
  tgoldtable: definition,
  tgnewtable: definition,
} as const

const pg_policy = {
  oid: books,
  polname: name,
  polrelid: definition,
  polcmd: definition,
  polpermissive: definition,
  polroles: definition,
  polqual: definition,
  polwithcheck: definition,
} as const

const pg_rewrite = {
  oid: books,
  rulename: name,
  ev_class: definition,
  ev_type: restored('rules on INSERT and DELETE', 'a rule on UPDATE of a host table'),
  ev_enabled: restored('enabled, disabled, on a replica, always: as it was'),
  is_instead: definition,
  ev_qual: definition,
  ev_action: restored(
    'the query that PostgreSQL prints, and the columns that it reads, compared by name',
    'one that names the columns of a host table by their place',
  ),
} as const

const pg_type = {
  oid: typeItself,
  typname: name,
  typnamespace: name,
  typowner: typeItself,
  typlen: typeItself,
  typbyval: typeItself,
  typtype: typeItself,
  typcategory: typeItself,
  typispreferred: typeItself,
  typisdefined: refused('shell types'),
  typdelim: typeItself,
  typrelid: typeItself,
  typsubscript: typeItself,
  typelem: typeItself,
  typarray: typeItself,
  typinput: typeItself,
  typoutput: typeItself,
  typreceive: typeItself,
  typsend: typeItself,
  typmodin: typeItself,
  typmodout: typeItself,
  typanalyze: typeItself,
  typalign: typeItself,
  typstorage: typeItself,
  typnotnull: typeItself,
  typbasetype: typeItself,
  typtypmod: typeItself,
  typndims: typeItself,
  typcollation: typeItself,
  typdefaultbin: typeItself,
  typdefault: typeItself,
  typacl: moved('the grants of a type stay with it', 'grants on the row type of a view'),
} as const

const pg_proc = {
  oid: books,
  proname: name,
  pronamespace: name,
  proowner: owner,
  prolang: definition,
  procost: definition,
  prorows: definition,
  provariadic: definition,
  prosupport: definition,
  prokind: nature,
  prosecdef: definition,
  proleakproof: definition,
  proisstrict: definition,
  proretset: definition,
  provolatile: definition,
  proparallel: definition,
  pronargs: definition,
  pronargdefaults: definition,
  prorettype: definition,
  proargtypes: definition,
  proallargtypes: definition,
  proargmodes: definition,
  proargnames: definition,
  proargdefaults: definition,
  protrftypes: definition,
  prosrc: definition,
  probin: definition,
  prosqlbody: restored('the body that PostgreSQL prints, and the columns that it reads, compared by name'),
  proconfig: definition,
  proacl: acl,
} as const

const pg_statistic_ext = {
  oid: books,
  stxrelid: definition,
  stxname: name,
  stxnamespace: name,
  stxowner: owner,
  stxstattarget: restored('set again'),
  stxkeys: definition,
  stxkind: definition,
  stxexprs: definition,
} as const

const sequence = restored('a sequence that is moved keeps it; that of an identity column is made again with it')
const pg_sequence = {
  seqrelid: books,
  seqtypid: sequence,
  seqstart: sequence,
  seqincrement: sequence,
  seqmax: sequence,
  seqmin: sequence,
  seqcache: sequence,
  seqcycle: sequence,
} as const

const described = {
  objoid: books,
  classoid: books,
  objsubid: books,
} as const
const pg_description = {
  ...described,
  description: restored('comments, of whatever has them', 'a comment on the row type of a view'),
} as const
const pg_seclabel = {
  ...described,
  provider: refused('security labels of tables, columns, views, functions and identity sequences'),
  label: refused('security labels of tables, columns, views, functions and identity sequences'),
} as const

type Properties = Readonly<Record<string, Verdict>>

/** Catalogs that say what the restored kinds are like: a verdict for each column of theirs. */
export const propertyVerdicts = {
  pg_class,
  pg_attribute,
  pg_attrdef,
  pg_constraint,
  pg_index,
  pg_trigger,
  pg_policy,
  pg_rewrite,
  pg_type,
  pg_proc,
  pg_statistic_ext,
  pg_sequence,
  pg_publication_rel,
  pg_description,
  pg_seclabel,
} as const satisfies Record<string, Properties>
