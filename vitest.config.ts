import { defineConfig } from 'vitest/config'

/** npm run test:long */
const slower = process.env.PFGM_LONG ? 10 : 1

const shared = {
  globalSetup: ['test/setup.ts'],
  setupFiles: ['test/long.ts'],
  // A native addon is process-wide state: files run in processes of their own.
  pool: 'forks' as const,
  // Of two cores vitest would leave one to itself.
  maxWorkers: 2,
  testTimeout: slower * 60_000,
  hookTimeout: 120_000,
}

/** What starts processes, which take as many threads as users' do. */
const OF_PROCESSES = ['test/{bits,cli,compare,install}/**/*.test.ts', 'test/{examples,hostile}.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'library',
          include: ['test/**/*.test.ts'],
          exclude: OF_PROCESSES,
          // Kernels of two files at a time would wait for each other's threads; tests of threads say how many they want.
          env: { OMP_NUM_THREADS: '1' },
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...shared, name: 'processes', include: OF_PROCESSES, sequence: { groupOrder: 1 } } },
    ],
  },
})
