import { INTEGER, NUMBER } from './kinds.js'

/** Of paths from data up to z_max: given on to the library as they are. */
export const PATH_OPTIONS = {
  rtol: { kind: NUMBER, value: 'x', help: 'relative tolerance of rk45 (default: 1e-5)' },
  atol: { kind: NUMBER, value: 'x', help: 'absolute tolerance of rk45 (default: 1e-5)' },
  batchSize: { kind: INTEGER, value: 'n', help: 'images at once; bounds memory (default: 256)' },
} as const
