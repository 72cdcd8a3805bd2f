import { defineConfig } from 'vitest/config'

/** npm run test:long */
const slower = process.env.PFGM_LONG ? 10 : 1

const shared = {
  globalSetup: ['test/setup.ts'],
  setupFiles: ['test/long.ts'],
  // A native addon is process-wide state: files run in processes of their own.
  pool: 'forks' as const,
  testTimeout: slower * 60_000,
  hookTimeout: 120_000,
}

/** What mostly waits for processes that it starts, most of them on one core: two files at a time. */
const OF_PROCESSES = ['test/{bits,cli,compare,install}/**/*.test.ts', 'test/{examples,hostile}.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        // Kernels use all cores themselves, and some tests look at times or memory: one file at a time.
        test: {
          ...shared,
          name: 'library',
          include: ['test/**/*.test.ts'],
          exclude: OF_PROCESSES,
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'processes',
          include: OF_PROCESSES,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
