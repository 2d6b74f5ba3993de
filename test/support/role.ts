import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, inject } from 'vitest'
import { connectAs } from './connect.ts'

/**
 * Gives each test of the current suite roles of its own, for memberships are the
 * server's. Call it before `useDatabase`, so that the roles go after what they own.
 */
export function useRoles<Names extends readonly string[]>(...names: Names): () => { [I in keyof Names]: string } {
  let roles: string[] = []
  beforeEach(async () => {
    const suffix = randomBytes(4).toString('hex')
    roles = names.map((name) => `${name}_${suffix}`)
    await maintain(...roles.map((role) => `create role ${role} login`))
  })
  afterEach(async () => {
    await maintain(...roles.map((role) => `drop role if exists ${role}`))
  })
  return () => roles as { [I in keyof Names]: string }
}

async function maintain(...statements: string[]): Promise<void> {
  const client = await connectAs(inject('server').url)
  try {
    for (const sql of statements) await client.query(sql)
  } finally {
    await client.end()
  }
}
