/** The element that a choice means. */
export function at<T>(list: readonly T[], choice: number): T {
  const found = list[choice % list.length]
  if (found === undefined) throw new Error('there is nothing to choose from')
  return found
}
