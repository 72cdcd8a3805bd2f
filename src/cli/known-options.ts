import { DRAWING_OPTIONS } from './drawing.js'
import { INTEGER, SEED } from './kinds.js'

/** Given on to the library as they are. */
export const KNOWN_START_OPTIONS = {
  count: {
    kind: INTEGER,
    value: 'n',
    help: 'how many, drawn as a grid (default: 1, a picture of its own size)',
  },
  seed: { kind: SEED, value: 'n', help: 'number i starts as sample seed + i does (default: 0)' },
} as const

/** Of samples of which something is known. */
export const KNOWN_OPTIONS = { ...KNOWN_START_OPTIONS, ...DRAWING_OPTIONS } as const
