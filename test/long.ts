import fc from 'fast-check'

// npm run test:long: ten times the cases of every property that names no number of its own.
if (process.env.PFGM_LONG) fc.configureGlobal({ numRuns: 1000 })
