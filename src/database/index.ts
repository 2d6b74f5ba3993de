export type * from './with-program-partner.ts'
export type * from './without-program-partner.ts'
