import { id } from './sql.ts'

/** Something that is another role's, and as SQL what it is: `table public.t`. */
interface Owned {
  readonly object: string
  readonly owner: string
  readonly superuser: boolean
}

/** How a role comes to own what is to be changed; a superuser's rights are none to be handed on. */
export function ownerHint(work: string, me: string, owned: readonly Owned[]): string {
  const given = owned.filter((o) => o.superuser)
  return [
    ...(given.length < owned.length ? [`Run ${work} as the owner, or grant that role to ${me}.`] : []),
    ...(given.length > 0 ? [`What belongs to a superuser can be given to ${me}:`] : []),
    ...given.map(({ object }) => `alter ${object} owner to ${id(me)};`),
  ].join('\n')
}
