import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkHealth, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

/** While a feature is away somebody makes tables of their own that refer to its backups; then a parent of backed-up rows goes. */
describe('rows of others that came to refer to rows of a backup whose parent has gone', () => {
  const database = useDatabase()
  const events: ProgressEvent[] = []

  beforeEach(() => {
    events.length = 0
  })

  const CONTACTS = `create table contacts (id int primary key, a int);
    insert into contacts select n, n from generate_series(1, 5) n;`
  const LOG = `${CONTACTS}
    create table log (id int primary key, contact int not null references contacts on delete cascade);
    insert into log select n, n from generate_series(1, 5) n;`
  const DETAILS = `${LOG}
    create table details (id int primary key, log int references log on delete cascade);
    insert into details select n, n from generate_series(1, 5) n;`

  const refusal = async (feature: { name: string }) =>
    await restoreFeature(database().db, feature, { onProgress: (e) => events.push(e) }).then(
      ({ outcome }) => outcome,
      (error: unknown) => error,
    )
  const begun = () => events.filter((e) => e.type === 'phase started')
  const reviews = () => database().query('select id, of from reviews order by id')
  const rows = (...ids: readonly number[]) => ids.map((id) => ({ id, of: id }))
  const inTheWay = (table?: string) => ({
    code: 'rows_in_the_way',
    detail: `foreign key reviews_of_fkey of public.reviews refers to rows ${table === undefined ? '' : `of ${table} `}that have no place.
They would be changed, or go, and be kept nowhere.`,
  })

  async function withReviews(made: string, tables: readonly string[], of: string, action: string, from = 1) {
    await asOwner(database(), made)
    const feature = { name: 'f', tables }
    await removeFeature(database().db, feature)
    await asOwner(
      database(),
      `create table reviews (id int primary key, of int default 1 references ${of} on delete ${action});
       insert into reviews select n, n from generate_series(${String(from)}, 5) n`,
    )
    return feature
  }
  const withoutContact = () => asOwner(database(), 'delete from contacts where id = 3')

  test.each(['cascade', 'set null', 'set default', 'no action', 'restrict'])(
    'are told of before anything changes: on delete %s',
    async (action) => {
      const feature = await withReviews(LOG, ['log'], 'backup_log', action)
      await withoutContact()
      expect(await refusal(feature)).toMatchObject({
        ...inTheWay('backup_log'),
        hint: expect.stringContaining('Nothing was restored.') as string,
      })
      expect(begun()).toEqual([])
      expect(await reviews()).toEqual(rows(1, 2, 3, 4, 5))
      await asOwner(database(), 'alter table reviews drop constraint reviews_of_fkey')
      expect(await refusal(feature)).toBe('restored')
      expect(await database().query('select id from log order by id')).toHaveLength(4)
    },
  )

  test('are told of where the row that they refer to goes because of another', async () => {
    const feature = await withReviews(DETAILS, ['details', 'log'], 'backup_details', 'cascade')
    await withoutContact()
    expect(await refusal(feature)).toMatchObject(inTheWay('backup_details'))
    expect(begun()).toEqual([])
  })

  test('are told of where tables refer to each other and to themselves, and left as they are within a circle', async () => {
    const feature = await withReviews(
      `${LOG} alter table log add up int references log on delete cascade; update log set up = id - 1 where id > 1;
       create table details (id int primary key, log int references log, contact int references contacts on delete set null);
       insert into details select n, n, n from generate_series(1, 5) n;
       create table notes (id int primary key, detail int references details, log int references log);
       insert into notes select n, n, n from generate_series(1, 5) n`,
      ['log', 'details', 'notes'],
      'backup_notes',
      'cascade',
      3,
    )
    await withoutContact()
    expect(await refusal(feature)).toMatchObject(inTheWay('backup_notes'))
    expect(begun()).toEqual([])
    // it goes because the entry of its own goes, whose own entry above it does
    await asOwner(database(), 'delete from reviews where id < 5')
    expect(await refusal(feature)).toMatchObject(inTheWay())
    expect(await reviews()).toEqual(rows(5))
    await asOwner(database(), 'update reviews set id = 1, of = 1')
    expect(await refusal(feature)).toBe('restored')
    expect(await database().query('select id from notes order by id')).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('are told of where the table is published, whose rows are set aside after the reveal', async () => {
    await asOwner(database(), LOG)
    await database().query('create publication p for table log; alter publication p owner to crm_owner')
    const feature = await withReviews('', ['log'], 'backup_log', 'cascade')
    await withoutContact()
    expect(await refusal(feature)).toMatchObject(inTheWay('backup_log'))
    expect(begun()).toEqual([])
  })

  test('are told of where they refer to a backup of columns', async () => {
    await asOwner(
      database(),
      `${CONTACTS} create table subscriptions (id int primary key, contact int references contacts);
       insert into subscriptions select n, n from generate_series(1, 5) n`,
    )
    const feature = { name: 'f', columns: { subscriptions: ['contact'] } }
    await removeFeature(database().db, feature)
    await asOwner(
      database(),
      `create table reviews (id int primary key, of int references backup_f_subscriptions on delete cascade);
       insert into reviews select n, n from generate_series(1, 5) n`,
    )
    await withoutContact()
    expect(await refusal(feature)).toMatchObject(inTheWay('backup_f_subscriptions'))
  })

  test.each([
    ['that stay', 'backup_log', ['log'], LOG],
    ['that stay beside one that goes because of another', 'backup_details', ['details', 'log'], DETAILS],
  ])('keep no restore from its end where they refer to rows %s', async (_, of, tables, made) => {
    const feature = await withReviews(made, tables, of, 'cascade', 4)
    await withoutContact()
    expect(await refusal(feature)).toBe('restored')
    expect(await reviews()).toEqual(rows(4, 5))
  })

  test('are left as they are where the parent goes when the restore has begun, which goes on when the key is gone', async () => {
    const feature = await withReviews(LOG, ['log'], 'backup_log', 'cascade')
    const error = await actingBefore(database(), 'phase verify', withoutContact, (db) =>
      restoreFeature(db, feature),
    ).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      ...inTheWay(),
      hint: expect.stringContaining('it goes on where it was') as string,
    })
    expect(await reviews()).toEqual(rows(1, 2, 3, 4, 5))
    await asOwner(database(), 'alter table reviews drop constraint reviews_of_fkey')
    expect(await refusal(feature)).toBe('restored')
  })

  test('are left as they are where their key comes at the moment at which the rows are set aside', async () => {
    const feature = await withReviews(LOG, ['log'], 'backup_log', 'cascade')
    await asOwner(database(), 'alter table reviews drop constraint reviews_of_fkey')
    await withoutContact()
    const other = await database().connect('crm_owner')
    let committed: Promise<unknown> | undefined
    const keyComes = async () => {
      await other.query(
        'begin; alter table reviews add constraint reviews_of_fkey foreign key (of) references backup_log on delete cascade',
      )
      committed = waitsFor('backup_log').then(() => other.query('commit'))
    }
    const error = await actingBefore(database(), '$aside$', keyComes, (db) => restoreFeature(db, feature)).catch(
      (reason: unknown) => reason,
    )
    await committed
    expect(error).toMatchObject(inTheWay())
    expect(await reviews()).toEqual(rows(1, 2, 3, 4, 5))
  })

  const waitsFor = async (table: string) => {
    const waiting = `select from pg_locks where relation = '${table}'::regclass and not granted`
    while ((await database().query(waiting)).length === 0) await sleep(10)
  }

  test('are left as they are by a restore in a transaction', async () => {
    const feature = await withReviews(LOG, ['log'], 'backup_log', 'cascade')
    await withoutContact()
    const error = await database()
      .db.transaction()
      .execute((transaction) => restoreFeature(transaction, feature))
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject(inTheWay('backup_log'))
    expect(await reviews()).toEqual(rows(1, 2, 3, 4, 5))
  })

  test('are told of by checkHealth, and so is a key to a partition of a backup', async () => {
    await withReviews(
      `${CONTACTS} create table log (id int primary key, contact int references contacts) partition by range (id);
       create table log_1 partition of log for values from (1) to (10); insert into log select n, n from generate_series(1, 5) n`,
      ['log'],
      'backup_log_1',
      'cascade',
    )
    await withoutContact()
    const problems = (await checkHealth(database().db)).filter(({ result }) => result === 'problem')
    expect(problems).toEqual([
      {
        ...{ feature: 'f', check: 'a restore would find what it needs', result: 'problem' },
        found: [
          'rows of feature f cannot be set aside, because others refer to them',
          ...inTheWay('backup_log').detail.split('\n'),
        ],
      },
      {
        ...{ feature: 'f', check: 'no foreign key leads to or from what is kept', result: 'problem' },
        found: ['reviews_of_fkey of public.reviews'],
      },
    ])
  })
})
