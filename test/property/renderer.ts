import { Names } from './names.ts'
import type { RenderedColumn, RenderedTable, Rendering } from './render.ts'

/** The n-th of a part's choices. */
export type Choose = (n: number) => number

/** Makes a part of one kind. */
export type Renderer = (r: Rendering, table: RenderedTable, name: number, choose: Choose) => void

export const ordered = (columns: readonly RenderedColumn[]) => columns.filter((c) => c.type.ordered)

/** A name in the schema of a table. */
export const beside = (r: Rendering, table: RenderedTable, name: number, other?: Names) => {
  const scope = r.schemas.find((s) => s.name === table.name.schema)?.scope ?? new Names()
  return { schema: table.name.schema, name: scope.next(name, other) }
}
