import fc from 'fast-check'

// npm run test:long: ten times the cases of every property that names no number of its own.
if (process.env.PFGM_LONG) fc.configureGlobal({ numRuns: 1000 })

/** Cases of a test: the first ones, and in npm run test:long all. */
export function someOf<T>(first: number, cases: readonly T[]): readonly T[] {
  return process.env.PFGM_LONG ? cases : cases.slice(0, first)
}

/** So many runs of a property that is dear, and in npm run test:long more. */
export const runs = (usual: number, long: number): number => (process.env.PFGM_LONG ? long : usual)
