import { moved, restored, untouched } from './verdict.ts'

/** Verdicts that columns of several catalogs share. */
export const books = untouched('the server keeps it for itself; no dump shows it')
export const name = restored('names and schemas are what they were')
export const owner = restored('the owner is set again; the session must be allowed to act for it')
export const acl = restored(
  'grants with their grantors, in their order where they can be granted in it, with grant options; none that default privileges would add',
  'privileges granted by a role that the session may not act for',
)
export const definition = restored('the definition that PostgreSQL prints, which is compared after the restore')
export const nature = restored('the kind of object, see above')
export const inheritance = moved('a tree leaves as a whole', 'inherited columns, tables of a tree that stays')
export const typeItself = moved('the type itself is renamed and never changed')
