/** Declarations whose type was written, not inferred: what they may lack, they need not have. */
import { defineFeature, type FeatureDeclaration } from '../../src/feature.ts'
import type { Database } from './database.ts'

const define = defineFeature<Database>()

declare const untyped: FeatureDeclaration
export const any = defineFeature()(untyped)
defineFeature()({ ...untyped, columns: { any_table: ['any_column'] } })

declare const typed: FeatureDeclaration<Database, 'public'>
export const checked = define(typed)
define({ ...typed, name: 'another', fill: { contacts: { is_partner: 'false' } } })

declare const ofAnySchema: FeatureDeclaration<Database>
define(ofAnySchema)

// optional fields of a type of one's own
declare const own: {
  name: string
  columns?: { contacts?: ['is_partner'] }
  counts?: { partners?: { contacts: ['is_partner'] } }
  acknowledge?: { rewrites?: { contacts: ['is_partner'] }; roles?: string[] }
  fill?: { contacts?: { is_partner?: string } }
}
define(own)

// --- what does not -----------------------------------------------------------

// @ts-expect-error a declaration of any database, whose tables this one may not have
define(untyped)

declare const misspelt: {
  field: { name: string; view?: string[] }
  host: { name: string; columns?: { contacts?: ['is_partner']; contcts?: ['is_partner'] } }
  trigger: { name: string; triggers?: { contacts?: ['t']; contcts?: ['t'] } }
  counted: { name: string; counts?: { partners?: { contacts: ['is_partner']; contcts: ['is_partner'] } } }
  acknowledged: { name: string; acknowledge?: { rewrites?: { contacts: ['is_partner']; contcts: ['is_partner'] } } }
  acknowledgement: { name: string; acknowledge?: { rewrites?: { contacts: ['is_partner'] }; everything?: true } }
  filled: { name: string; fill?: { contacts?: { is_partner?: string; is_partnr?: string } } }
}
// @ts-expect-error an optional field that no declaration has
define(misspelt.field)
// @ts-expect-error a misspelt host table beside a right one
define(misspelt.host)
// @ts-expect-error a trigger's table, beside a right one
define(misspelt.trigger)
// @ts-expect-error a count of columns of a misspelt table beside a right one
define(misspelt.counted)
// @ts-expect-error an acknowledgement of a misspelt table beside a right one
define(misspelt.acknowledged)
// @ts-expect-error an unknown acknowledgement
define(misspelt.acknowledgement)
// @ts-expect-error a misspelt column beside a right one
define(misspelt.filled)
