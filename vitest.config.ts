import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    // A native addon is process-wide state: files run in processes of their own.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
