import { isUnshipError, UnshipError, type UnshipErrorCode } from '../../errors.ts'
import { withoutPasswords } from '../../secrets.ts'

/** Loads a file of the project. An error says which file it is and where in it; the loader's own stack helps nobody. */
export async function loaded<T>(file: string, code: UnshipErrorCode, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if (isUnshipError(error)) throw error
    throw new UnshipError({
      code,
      message: `cannot load ${file}`,
      detail: withoutPasswords(error instanceof Error ? told(error, file) : String(error)),
      hint: 'Mend the file. kysely migrate:list loads it too.',
      cause: error,
    })
  }
}

function told({ message, stack = '' }: Error, file: string): string {
  const lines = message.split('\n').flatMap((line) => line.trim() || [])
  const place = stack.split('\n').find((line) => line.startsWith('    at ') && line.includes(file))
  return [...lines, ...(place === undefined ? [] : [place.trim()])].join('\n')
}
