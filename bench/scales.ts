/** How much data there is. */
export interface Scale {
  readonly name: string
  readonly contacts: number
  readonly partners: number
  readonly audit: number
  readonly subscriptions: number
  /** A command that takes longer has failed. */
  readonly limitMs: number
}

const minutes = (n: number) => n * 60_000

/** A tenth of the contacts are partners, but for the guide's own figures. */
const scale = (name: string, contacts: number, limitMs: number, figures: Partial<Scale> = {}): Scale => ({
  name,
  contacts,
  partners: contacts / 10,
  audit: contacts / 2,
  subscriptions: contacts,
  limitMs,
  ...figures,
})

export const scales: Readonly<Record<string, Scale>> = {
  guide: scale('guide', 3_000, minutes(1), { partners: 41, audit: 3, subscriptions: 4_000 }),
  '1k': scale('1k', 1_000, minutes(1)),
  '100k': scale('100k', 100_000, minutes(2)),
  '1M': scale('1M', 1_000_000, minutes(5)),
  '2M': scale('2M', 2_000_000, minutes(10)),
  '10M': scale('10M', 10_000_000, minutes(40)),
}
