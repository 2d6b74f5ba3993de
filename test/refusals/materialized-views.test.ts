import { describe } from 'vitest'
import { HOST, gone, testRefusals } from './support.ts'

describe('materialized views that are filled and read one that is not', () =>
  testRefusals({
    'of the feature': {
      setup: `${HOST} create materialized view bare as select id, gone from host; create materialized view filled as select * from bare;
        refresh materialized view bare with no data`,
      feature: { ...gone, views: ['bare', 'filled'] },
      reason: 'materialized view filled could not be filled again: it reads public.bare, which is not filled',
    },
    'that stays, through a view and a function': {
      setup: `${HOST} create materialized view bare as select id, kept from host; create view between as select * from bare;
        create function ids() returns bigint language sql begin atomic select count(*) from between; end;
        create materialized view filled as select ids(), gone from host; refresh materialized view bare with no data`,
      feature: { ...gone, views: ['filled'] },
      reason: 'materialized view filled could not be filled again: it reads public.bare, which is not filled',
    },
  }))
