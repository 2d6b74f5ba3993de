import { sql, type Kysely, type Transaction } from 'kysely'
import type { DatabaseWithMembers } from '../database.ts'

/** Creates the members module, and fills it from what the removal of program partner has kept. */
export const up = (db: Kysely<DatabaseWithMembers>) =>
  db.transaction().execute(async (trx) => {
    await createMembers(trx)
    await fillFromBackup(trx)
  })

/** Takes it away again. The backups are as before: they were only read. */
export const down = (db: Kysely<DatabaseWithMembers>) =>
  db.transaction().execute(async (trx) => {
    // nobody may join between the question and the drop
    await sql`lock table members in access exclusive mode`.execute(trx)
    const news = await membersOfItsOwn(trx)
    if (news > 0)
      throw new Error(
        `members holds ${news} rows that were added or changed since it was filled\nHINT:  Copy them, then delete them or reset updated_at, and run the command again.`,
      )
    await trx.schema.dropTable('members').execute()
  })

async function createMembers(trx: Transaction<DatabaseWithMembers>): Promise<void> {
  await trx.schema
    .createTable('members')
    .addColumn('id', 'uuid', (c) => c.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('contact_id', 'uuid', (c) => c.notNull().unique().references('contacts.id').onDelete('cascade'))
    .addColumn('member_type', 'text', (c) => c.notNull().check(sql`member_type in ('program_partner', 'individual')`))
    .addColumn('payment_method', 'text', (c) =>
      c.check(sql`payment_method in ('bank_transfer', 'direct_debit', 'card', 'cash')`),
    )
    .addColumn('payment_method_notes', 'text')
    .addColumn('last_payment_date', 'timestamptz')
    .addColumn('status', 'text', (c) =>
      c
        .notNull()
        .defaultTo('active')
        .check(sql`status in ('active', 'paused', 'ended')`),
    )
    .addColumn('status_notes', 'text')
    .addColumn('created_at', 'timestamptz', (c) => c.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (c) => c.notNull().defaultTo(sql`now()`))
    .execute()
}

/** One statement, whatever the number of members; contacts deleted since the removal are left out. */
async function fillFromBackup(trx: Transaction<DatabaseWithMembers>): Promise<void> {
  await trx
    .insertInto('members')
    .columns([
      'contact_id',
      'member_type',
      'payment_method',
      'payment_method_notes',
      'last_payment_date',
      'status_notes',
    ])
    .expression((eb) =>
      eb
        .selectFrom('backup_program_partner_contacts as b')
        .innerJoin('contacts as c', 'c.id', 'b.id')
        .select((eb) => [
          'b.id',
          eb
            .case()
            .when('b.is_expected_program_partner', '=', true)
            .then('program_partner')
            .else('individual')
            .end()
            .as('member_type'),
          'b.payment_method',
          'b.payment_method_notes',
          'b.last_payment_date',
          'b.partner_status_notes',
        ]),
    )
    .execute()
}

/** Rows that only this table has: added, or changed, since it was filled. */
async function membersOfItsOwn(trx: Transaction<DatabaseWithMembers>): Promise<number> {
  const { rows } = await trx
    .selectFrom('members as m')
    .leftJoin('backup_program_partner_contacts as b', 'b.id', 'm.contact_id')
    .where((eb) => eb.or([eb('b.id', 'is', null), eb('m.updated_at', '>', eb.ref('m.created_at'))]))
    .select((eb) => eb.fn.countAll<string>().as('rows'))
    .executeTakeFirstOrThrow()
  return Number(rows)
}
