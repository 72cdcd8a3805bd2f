import { defineConfig } from 'vitest/config'

/** npm run test:long */
const slower = process.env.PFGM_LONG ? 10 : 1

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    setupFiles: ['test/long.ts'],
    // A native addon is process-wide state: files run in processes of their own.
    pool: 'forks',
    testTimeout: slower * 60_000,
    hookTimeout: 120_000,
  },
})
