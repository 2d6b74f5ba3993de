import { moved, refused, restored, untouched, type Verdict } from './verdict.ts'

/** Catalogs whose rows are parts of something else; pg_depend does not address them. */
export const attachedVerdicts = {
  pg_aggregate: moved('with its function'),
  pg_db_role_setting: untouched('settings of roles and databases'),
  pg_depend: restored('what belongs to or needs what, DEPENDS ON EXTENSION left out, which is refused'),
  pg_enum: moved('labels and their order stay with the type'),
  pg_foreign_table: refused('foreign tables'),
  pg_inherits: moved(
    'partitions and children stay what they are to their parents; a tree leaves as a whole',
    'a tree of which a part stays',
  ),
  pg_init_privs: untouched('members of extensions are refused'),
  pg_largeobject_metadata: untouched('large objects stay'),
  pg_partitioned_table: moved('the partition key and the default partition stay with the table'),
  pg_range: moved('stays with the type'),
  pg_replication_origin: untouched('belongs to subscriptions'),
  pg_shdepend: restored('follows owners, grants and policies'),
  pg_shdescription: untouched('comments on roles, databases and tablespaces'),
  pg_shseclabel: untouched('labels of roles, databases and tablespaces'),
  pg_statistic: restored('gathered again by ANALYZE before the columns appear; no dump shows it'),
  pg_statistic_ext_data: restored('gathered again by ANALYZE; no dump shows it'),
  pg_subscription_rel: refused('tables that a subscription writes to'),
  pg_ts_config_map: untouched('belongs to text search configurations'),
} as const satisfies Readonly<Record<string, Verdict>>
