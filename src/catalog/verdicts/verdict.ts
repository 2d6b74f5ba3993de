/** What becomes of something in a removal and its restore. */
export interface Verdict {
  readonly verdict: 'restored' | 'moved' | 'refused' | 'untouched'
  readonly how: string
  /** Cases that are refused all the same. */
  readonly except: readonly string[]
}

/** It is dropped and comes back as it was. */
export const restored = (how: string, ...except: string[]) => ({ verdict: 'restored' as const, how, except })

/** It is renamed away and back, and never changed. */
export const moved = (how: string, ...except: string[]) => ({ verdict: 'moved' as const, how, except })

/** What it concerns is not removed. */
export const refused = (how: string) => ({ verdict: 'refused' as const, how, except: [] })

/** A removal does not concern it. */
export const untouched = (how: string) => ({ verdict: 'untouched' as const, how, except: [] })
