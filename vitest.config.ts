import { defaultClientConditions, defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

// Tests run against src, not against the last build.
const SOURCE = '@kysely-unship/source'

export default defineConfig({
  resolve: { conditions: [SOURCE, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [SOURCE, ...defaultServerConditions] } },
  test: {
    include: ['test/**/*.test.ts', 'src/**/*.test.ts'],
    globalSetup: ['test/support/server.ts'],
    // most of the time they wait: for locks, for timeouts, for commands that they start
    maxWorkers: 4,
    // files share a process: no test leaves anything behind in it
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // a second is soon over on a machine that runs four tests at once
    expect: { poll: { timeout: 15_000 } },
  },
})
