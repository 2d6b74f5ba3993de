import { CamelCasePlugin } from 'kysely'
import { defineFeature, planRemoval, removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

interface CamelCase {
  shopCustomers: { id: number; createdAt: string; loyalSince: string; pointSum: number; pointMean: number }
  loyaltyBookings: { id: number }
}

const name = 'loyalty'

describe('with the CamelCasePlugin, what a declaration says of its objects', () => {
  const database = useDatabase()
  const camelCase = () => database().db.withPlugin(new CamelCasePlugin())
  const owner = (sql: string) => asOwner(database(), sql)

  test('counts tables and columns by the names of the interface', async () => {
    await owner(
      `create table shop_customers (id int primary key, loyal_since date); create table loyalty_bookings (id int);
       insert into shop_customers values (1, '2020-01-01')`,
    )
    const feature = defineFeature<CamelCase>()({
      name,
      tables: ['loyaltyBookings'],
      columns: { shopCustomers: ['loyalSince'] },
      counts: { theMembers: { shopCustomers: ['loyalSince'] }, bookings: 'loyaltyBookings' },
    })
    expect((await removeFeature(camelCase(), feature)).counts).toEqual({ theMembers: 1, bookings: 0 })
  })

  test('fills columns by the names of the interface, with SQL as it is', async () => {
    await owner(`create table shop_customers (id int primary key, created_at date not null, loyal_since date not null)`)
    const feature = defineFeature<CamelCase>()({
      name,
      columns: { shopCustomers: ['loyalSince'] },
      fill: { shopCustomers: { loyalSince: 'created_at' } },
    })
    await removeFeature(camelCase(), feature)
    await owner(`insert into shop_customers values (1, '2020-01-01')`)
    await restoreFeature(camelCase(), feature)
    expect(await database().query('select loyal_since::text from shop_customers')).toEqual([
      { loyal_since: '2020-01-01' },
    ])
  })

  test('acknowledges by the names of the interface, beside those that the database has', async () => {
    await owner(
      `create table shop_customers (id int primary key, point_sum int generated always as (id * 2) stored,
         point_mean int generated always as (id / 2) stored)`,
    )
    const feature: FeatureDeclaration = defineFeature<CamelCase>()({
      name,
      columns: { shopCustomers: ['pointSum', 'pointMean'] },
      acknowledge: { rewrites: { shopCustomers: ['pointSum'] } },
    })
    const { detail, suggestion } = await refusal('rewrite_not_acknowledged', removeFeature(camelCase(), feature))
    expect(detail).not.toContain('point_sum')
    expect(suggestion).toEqual({ acknowledge: { rewrites: { shopCustomers: ['pointMean'] } } })
    const rewrites = { ...feature.acknowledge?.rewrites, shop_customers: ['point_mean'] }
    const complete = { ...feature, acknowledge: { rewrites } }
    expect((await removeFeature(camelCase(), complete)).outcome).toBe('removed')
    expect(await restoreFeature(camelCase(), complete)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('is suggested by the names of the interface, which the compiler takes', async () => {
    await owner(
      `create table shop_customers (id int primary key, created_at date not null, loyal_since date not null);
       create view loyal_customers as select id, loyal_since from shop_customers;
       create policy by_loyalty on shop_customers using (loyal_since is not null);
       alter table shop_customers add point_sum int generated always as (loyal_since - '2000-01-01') stored`,
    )
    const feature: FeatureDeclaration = defineFeature<CamelCase>()({ name, columns: { shopCustomers: ['loyalSince'] } })
    const suggestion = {
      columns: { shopCustomers: ['pointSum'] },
      policies: { shopCustomers: ['by_loyalty'] },
      views: ['loyalCustomers'],
    }
    const error = await refusal('undeclared_dependents', removeFeature(camelCase(), feature))
    expect(error.suggestion).toEqual(suggestion)
    expect(error.hint).toContain(JSON.stringify(error.suggestion, null, 2))
    const complete = {
      ...{ ...feature, ...suggestion, columns: { shopCustomers: ['loyalSince', 'pointSum'] } },
      acknowledge: { rewrites: suggestion.columns },
    }
    const { hint } = await refusal('fill_value_missing', planRemoval(camelCase(), complete))
    expect(hint).toContain(JSON.stringify({ fill: { shopCustomers: { loyalSince: '<SQL expression>' } } }, null, 2))
  })

  test('acknowledges a trigger by the name that it has', async () => {
    await owner(
      `create table shop_customers (id int primary key, loyal_since date);
       create function careful() returns trigger language plpgsql as $$ begin
         if tg_argv[0] = 'never' then raise notice '%', new.loyal_since; end if; return new; end $$;
       create trigger "beCareful" before update on shop_customers for each row execute function careful()`,
    )
    const feature = { name, columns: { shopCustomers: ['loyalSince'] } }
    await refusal('kept_trigger', removeFeature(camelCase(), feature))
    const acknowledge = { triggers: { shopCustomers: ['beCareful'] } }
    expect((await removeFeature(camelCase(), { ...feature, acknowledge })).outcome).toBe('removed')
  })

  const free = `create domain day as date; create table shop_customers (id int primary key, loyal_since day)`
  const feature = { name, columns: { shopCustomers: ['loyalSince'] } }
  const acknowledge = { rewrites: { shopCustomers: ['loyalSince'] } }
  const constrained = `alter domain day add check (value > '2000-01-01')`

  test('acknowledges what has come since to the restore', async () => {
    await owner(free)
    await removeFeature(camelCase(), feature)
    await owner(constrained)
    await refusal('rewrite_not_acknowledged', restoreFeature(camelCase(), feature))
    expect((await restoreFeature(camelCase(), { ...feature, acknowledge })).outcome).toBe('restored')
  })

  test('acknowledges it to whoever restores what was removed so', async () => {
    await owner(free)
    await removeFeature(camelCase(), { ...feature, acknowledge })
    await owner(constrained)
    expect((await restoreFeature(database().db, { name })).outcome).toBe('restored')
  })
})
