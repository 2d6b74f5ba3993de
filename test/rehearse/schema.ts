export const entry = (type: string, name: string, statements: string) =>
  `--\n-- Name: ${name}; Type: ${type}; Schema: public; Owner: app\n--\n\n${statements}\n\n`

/** As pg_dump writes it, with an extension that is nowhere. */
export const SCHEMA = [
  `-- Dumped from database version 17.2\nSET unheard_of_timeout = 0;\n\\restrict abc\nset check_function_bodies = false;\n`,
  entry('SCHEMA', 'public', 'CREATE SCHEMA public; ALTER SCHEMA public OWNER TO app;'),
  // a ledger that is left out: a removal would trip over it
  `--\n-- Name: runs; Type: TABLE; Schema: unship; Owner: app\n--\n\nCREATE SCHEMA unship; CREATE TABLE unship.runs (id int);\n\n`,
  entry('EXTENSION', 'nowhere', 'CREATE EXTENSION nowhere WITH SCHEMA public;'),
  entry('TABLE', 'place', 'CREATE TABLE public.place (id int, at public.nowhere_type);'),
  entry('TABLE', 'parent', 'CREATE TABLE public.parent (id uuid PRIMARY KEY, name varchar(5) NOT NULL);'),
  entry(
    'TABLE',
    'item',
    `CREATE TABLE public.item (
       id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent uuid NOT NULL REFERENCES public.parent,
       kind text CHECK (kind IN ('a', 'b')), price numeric(10, 2) DEFAULT 1.00, tags text[]);
     COMMENT ON COLUMN public.item.kind IS 'its kind';
     ALTER TABLE public.item OWNER TO app;`,
  ),
  entry('INDEX', 'item_kind', 'CREATE INDEX item_kind ON public.item (kind);'),
  entry('ACL', 'TABLE item', 'GRANT SELECT ON TABLE public.item TO "Some One";'),
].join('')
