import { describe } from 'vitest'
import { HOST, ITEM, gone, items, testRefusals } from './support.ts'

const otherwise = (what: string) => `${what} has triggers that are disabled, or enabled for replicas: enable them first`
const PARENT = 'create table parent (id int primary key);'

describe('constraints that do not ask, or ask replicas, when the feature leaves', () =>
  testRefusals({
    'a foreign key of a moved table': {
      setup: `${PARENT} ${ITEM} alter table item add parent int references parent; alter table item disable trigger all`,
      feature: items,
      reason: otherwise('foreign key item_parent_fkey of item'),
      superuser: true,
    },
    'one whose table referred to has disabled its triggers': {
      setup: `${PARENT} ${ITEM} alter table item add parent int references parent; alter table parent disable trigger all`,
      feature: items,
      reason: otherwise('foreign key item_parent_fkey of item'),
      superuser: true,
    },
    'one of a removed column, enabled always': {
      setup: `${PARENT} ${HOST} alter table host add parent int references parent;
        do $$ begin execute (select format('alter table host enable always trigger %I', tgname) from pg_trigger
          where tgrelid = 'host'::regclass limit 1); end $$`,
      feature: { columns: { host: ['gone', 'parent'] } },
      reason: otherwise('foreign key host_parent_fkey of host'),
      superuser: true,
    },
    'one to a partition': {
      setup: `create table parent (id int primary key) partition by range (id); create table p1 partition of parent default;
        ${ITEM} alter table item add parent int references parent; alter table p1 disable trigger all`,
      feature: items,
      reason: otherwise('of item'),
      superuser: true,
    },
    'a deferrable key of a host table': {
      setup: `${HOST} alter table host add constraint k unique (gone) deferrable; alter table host disable trigger all`,
      feature: { ...gone, constraints: { host: ['k'] }, indexes: ['k'] },
      reason: otherwise('unique k of host'),
      superuser: true,
    },
  }))
