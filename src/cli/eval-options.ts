import { SHIPPED_FEATURES } from '../metrics/feature-network.js'
import { INTEGER, POSITIVE, SEED, TEXT } from './kinds.js'
import { GUIDANCE_OPTIONS, LABEL_OPTION } from './label-options.js'
import { MODEL_OPTIONS } from './load-model.js'
import { THREADS_OPTION } from './machine-options.js'
import { MODEL_DATA_OPTIONS } from './model-data.js'
import type { Settings } from './options.js'
import { SAMPLING_OPTIONS } from './sampling-options.js'

export const OPTIONS = {
  against: {
    kind: TEXT,
    value: 'data',
    help: 'data as for train, best such as was not learned from, or an .npz of mu and sigma; pictures are scaled and cropped to the model’s size',
  },
  count: { kind: POSITIVE, value: 'n', help: 'samples to draw and items to compare with (default: 10000)' },
  training: {
    kind: TEXT,
    value: 'data',
    help: 'what was learned from, to tell copies and how well real pictures score',
  },
  features: {
    kind: TEXT,
    value: 'network',
    help: `a TorchScript file, pytorch-fid’s .pth, ${SHIPPED_FEATURES.join(', ')}, or numbers: the pixels (default: fashion for 28 x 28 grey)`,
  },
  neighbours: { kind: INTEGER, value: 'k', help: 'nearest ones that reach is measured by (default: 5)' },
  seed: { kind: SEED, value: 'n', help: 'sample i is that of seed + i (default: 0)' },
  nearest: {
    kind: TEXT,
    value: 'file',
    help: "draw samples beside the items nearest to them, of --training or else --against, a '.png'",
  },
  saveStatistics: {
    kind: TEXT,
    value: 'file',
    help: "write mu and sigma of --against, an '.npz' as pytorch-fid and EDM read it",
  },
  ...LABEL_OPTION,
  ...GUIDANCE_OPTIONS,
  ...SAMPLING_OPTIONS,
  ...MODEL_DATA_OPTIONS,
  ...MODEL_OPTIONS,
  ...THREADS_OPTION,
} as const
export type EvalSettings = Settings<typeof OPTIONS>
