import { describe } from 'vitest'
import { gone, HOST, ITEM, items, routine, testRefusals } from './support.ts'

/** A label as a provider would leave it; none is installed with PostgreSQL. */
const label = (catalog: string, object: string, subid = '0') =>
  `set allow_system_table_mods = on;
   insert into pg_seclabel (objoid, classoid, objsubid, provider, label)
     values (${object}, '${catalog}'::regclass, ${subid}, 'selinux', 'secret');
   reset allow_system_table_mods;`

describe('security labels', () =>
  testRefusals({
    'of a host table': {
      setup: HOST + label('pg_class', `'host'::regclass`),
      feature: gone,
      reason: 'host table host has a security label',
      superuser: true,
    },
    'of a removed column': {
      setup: HOST + label('pg_class', `'host'::regclass`, '2'),
      feature: gone,
      reason: 'column host.gone has a security label',
      superuser: true,
    },
    'of a view': {
      setup: `create view v as select 1 as a; ${label('pg_class', `'v'::regclass`)}`,
      feature: { views: ['v'] },
      reason: 'relation v has a security label',
      superuser: true,
    },
    'of a function': {
      setup: routine('f()', 'int', 'select 1') + label('pg_proc', `'f'::regproc`),
      feature: { functions: ['f'] },
      reason: 'function public.f() has a security label',
      superuser: true,
    },
    'of a moved table': {
      setup: ITEM + label('pg_class', `'item'::regclass`),
      feature: items,
      reason: 'relation item has a security label',
      superuser: true,
    },
    'of a sequence': {
      setup: `create sequence s; ${label('pg_class', `'s'::regclass`)}`,
      feature: { sequences: ['s'] },
      reason: 'sequence s has a security label',
      superuser: true,
    },
  }))
