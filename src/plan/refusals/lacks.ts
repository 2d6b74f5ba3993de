import type { Environment } from '../../catalog/environment.ts'
import { id } from '../../sql.ts'

/** What the session lacks, and the statement that gives it: null where only a superuser has it. */
export interface Lack {
  readonly what: string
  readonly grant: string | null
  /** It is another role that lacks it, whoever runs this. */
  readonly others?: boolean
}

const once = (lacks: readonly Lack[]): Lack[] => [...new Map(lacks.map((lack) => [lack.what, lack])).values()]

/** Whether a role is asked for something that is not the session's. */
export const isOthers = (role: string | null | undefined, me: string): boolean => (role ?? me) !== me

export const forOther = (role: string | null | undefined, me: string): string =>
  isOthers(role, me) ? `, for role ${role ?? ''}, with whose rights a materialized view is filled` : ''

export const whoLacks = (lacks: readonly Lack[], me: string): string =>
  lacks.every(({ others }) => others) ? 'other roles lack' : `role ${me} lacks`

/** Each once, as DETAIL. */
export const toldLacks = (lacks: readonly Lack[]): string =>
  once(lacks)
    .map(({ what }) => `${what}.`)
    .join('\n')

/** How they are given, as HINT; a superuser's rights are none to be handed on. */
export const lacksHint = (lacks: readonly Lack[], me: string, work: string): string[] =>
  lacks.some(({ grant }) => grant === null)
    ? [`Run ${work} as a superuser: a superuser's rights are none to be handed on.`]
    : [
        lacks.every(({ others }) => others)
          ? 'Grant them:'
          : `Grant them to ${me}, or run ${work} as a role that has them:`,
        ...new Set(once(lacks).map(({ grant }) => `${grant ?? ''};`)),
      ]

/** What is done in one round trip is a DO block. */
export function lackedLanguage({ plpgsql, current_user: me, database }: Environment): Lack[] {
  if (plpgsql) return []
  return plpgsql === null
    ? [{ what: `Language plpgsql in database ${database}`, grant: 'create extension plpgsql' }]
    : [{ what: 'USAGE on language plpgsql', grant: `grant usage on language plpgsql to ${id(me)}` }]
}
