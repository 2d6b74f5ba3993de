import type { TestServer } from './server.ts'

/** The server of TEST_DATABASE_URL, which must name a superuser. It is left running. */
export function useUrl(): Promise<TestServer> {
  const url = process.env.TEST_DATABASE_URL
  if (!url) return Promise.reject(new Error('TEST_DATABASE_URL is not set'))
  return Promise.resolve({ url, description: 'the server of TEST_DATABASE_URL', stop: () => Promise.resolve() })
}
