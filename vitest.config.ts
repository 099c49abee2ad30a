import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    globalSetup: ['test/setup/global.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // For what happens by itself: long, because machines are slow at times.
    expect: { poll: { timeout: 15_000 } },
    maxWorkers: 2,
  },
})
