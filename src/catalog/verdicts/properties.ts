import { pg_publication_rel } from './publication.ts'
import { pg_class, pg_attribute, pg_attrdef, pg_constraint, pg_index } from './tables.ts'
import { books, name, owner, acl, definition, nature, typeItself } from './terms.ts'
import { moved, refused, restored, type Verdict } from './verdict.ts'

const pg_trigger = {
  oid: books,
  tgrelid: definition,
  tgparentid: moved('row triggers and their copies stay', 'row triggers of a partitioned table that stays'),
  tgname: name,
  tgfoid: definition,
  tgtype: definition,
  tgenabled: restored(
    'enabled, disabled, on a replica, always: as it was',
    'those by which PostgreSQL enforces a foreign key or a deferrable key that is created again, where they are not plainly enabled',
  ),
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
