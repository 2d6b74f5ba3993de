/**
 * `create table orders`: by list, then by range or hash; partitions made and attached, with columns in other places.
 * A feature declares `note` and `rank`.
 */
export const ORDERS = `
  create table orders (id int not null, area text not null, kept text, note text, rank int, primary key (id, area)) partition by list (area);
  create table orders_a partition of orders for values in ('a');
  create table "Orders B" (gone int, rank int, area text not null, note text, kept text, id int not null);
  alter table "Orders B" drop column gone;
  alter table orders attach partition "Orders B" for values in ('b', 'bb');
  create table orders_c partition of orders for values in ('c') partition by range (id);
  create table orders_c_1 partition of orders_c for values from (minvalue) to (100);
  create table orders_c_2 partition of orders_c for values from (100) to (maxvalue);
  create table orders_default partition of orders default partition by hash (id);
  create table orders_d_0 partition of orders_default for values with (modulus 2, remainder 0);
  create table orders_d_1 partition of orders_default for values with (modulus 2, remainder 1);`

/** Rows in each partition; every third has no note, every fifth no rank. */
export const rows = (count: number) => `
  insert into orders (id, area, kept, note, rank)
  select g, (array['a', 'b', 'bb', 'c', 'd', 'e'])[1 + g % 6], 'k' || g, case when g % 3 > 0 then 'n' || g end,
    case when g % 5 > 0 then g % 11 end from generate_series(1, ${String(count)}) g;`
