import { expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'
import { CONFIG, migration, project, unship } from './support.ts'

const database = useDatabase()

test.each(['plan --format text', 'plan --format markdown', 'notice'])(
  '%s does not say that a table goes of which only an index goes',
  async (command) => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, vip boolean);
     create table orders (id int primary key, at date);
     create index orders_at on orders (at)`,
    )
    const cwd = await project({
      'kysely.config.ts': CONFIG,
      'migrations/1_vip.ts': migration({ name: 'vip', columns: { contacts: ['vip'] }, indexes: ['orders_at'] }),
    })
    const { out, err } = await unship(command.split(' '), { DATABASE_URL: database().ownerUrl }, { cwd })
    if (command !== 'notice') expect(out, err).toContain('orders')
    expect(out).not.toMatch(
      /, (?:\*\*)?1 table\b|^ {2}table orders|\| `orders` \| table \||tables, renamed|table `?orders/m,
    )
  },
)
