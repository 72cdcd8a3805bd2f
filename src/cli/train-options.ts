import { PRECISIONS } from '../native/precision.js'
import { BEST_METRICS } from '../train/best-metrics.js'
import { LEARNING_RATE_SCHEDULES } from '../train/optimizer.js'
import { FIELD_BATCHES, PRESETS } from '../train/presets.js'
import { DATA_OPTIONS } from './data-options.js'
import {
  FLOW,
  INTEGER,
  NETWORK,
  NUMBER,
  NUMBER_LIST,
  oneOf,
  SEED,
  SHARE_OR_DATA,
  SWITCH,
  SWITCH_OR_AUTO,
  SWITCH_OR_FILE,
  SWITCH_OR_PORT,
  TEXT,
} from './kinds.js'
import { DEVICE_OPTION, THREADS_OPTION } from './machine-options.js'

/** Given on to the library as a switch, a file to whoever reads the data. */
export const LABELS_OPTION = {
  labels: {
    kind: SWITCH_OR_FILE,
    value: '[file]',
    help: 'learn the classes of the data, for samples by class; idx: of the labels in the file',
  },
} as const

export const OUT_OPTION = {
  out: { kind: TEXT, value: 'folder', help: 'run folder (default: runs/ and the name of the data)' },
} as const

export const UI_OPTION = {
  ui: {
    kind: SWITCH_OR_PORT,
    value: '[port]',
    help: 'show the run on a page of this machine until it ends (default: port 8001, or any where that is taken)',
  },
} as const

/** A share is given on to the library, data are read first. */
export const VALIDATION_OPTION = {
  validation: {
    kind: SHARE_OR_DATA,
    value: 'share',
    help: 'hold out a share of the data, or take other data (fashion:test), to measure the loss on',
  },
} as const

/** How to train: given on to the library as they are. */
export const TRAINING_OPTIONS = {
  resume: {
    kind: SWITCH_OR_AUTO,
    value: '[auto]',
    help: 'go on from the newest checkpoint of the run folder; auto: or begin where there is none',
  },
  newData: { kind: SWITCH, help: 'with --resume: go on even if the data has grown or is other data' },
  preset: {
    kind: oneOf(PRESETS),
    value: 'name',
    help: `${PRESETS.join(', ')} (default: what fits the data)`,
  },
  flow: {
    kind: FLOW,
    value: 'kind',
    help: "kind of flow, with settings of it: pfgmpp,D=64,target=posterior (default: the preset's, else pfgm)",
  },
  initFrom: {
    kind: TEXT,
    value: 'model',
    help: "start from the weights of a run folder, a model file, digits, fashion or another program's file, with its network and flow",
  },
  steps: { kind: INTEGER, value: 'n', help: 'optimizer steps in all' },
  batchSize: {
    kind: INTEGER,
    value: 'n',
    help: 'items whose charges make the field of a step, B of the paper',
  },
  smallBatchSize: { kind: INTEGER, value: 'n', help: 'those of them that a step learns from; bounds memory' },
  accumulate: {
    kind: INTEGER,
    value: 'n',
    help: 'parts that a step learns from one after the other, in as much less memory (default: 1)',
  },
  checkpointActivations: {
    kind: SWITCH,
    help: 'make activations again on the pass back rather than keep them: less memory, more time',
    no: 'keep activations',
  },
  precision: {
    kind: oneOf(PRECISIONS),
    value: 'kind',
    help: 'of the products of layers, float32 or bfloat16 (default: float32)',
  },
  fieldBatch: {
    kind: oneOf(FIELD_BATCHES),
    value: 'which',
    help: 'charges that make the field: batch, or full for all of the data (default: batch)',
  },
  learningRate: { kind: NUMBER, value: 'x', help: 'largest learning rate' },
  learningRateSchedule: {
    kind: oneOf(LEARNING_RATE_SCHEDULES),
    value: 'name',
    help: `after the warm-up: ${LEARNING_RATE_SCHEDULES.join(', ')} (default: constant)`,
  },
  warmup: { kind: INTEGER, value: 'n', help: 'first steps, over which the learning rate rises' },
  clipNorm: { kind: NUMBER, value: 'x', help: 'largest norm of the gradient' },
  labelDropout: {
    kind: NUMBER,
    value: 'x',
    help: 'labels: share of items learned as of no class, for guidance (default: 0.1)',
  },
  emaRate: { kind: NUMBER, value: 'x', help: "decay of the weights' moving average" },
  emaRates: {
    kind: NUMBER_LIST,
    value: 'x,...',
    help: 'decays of further averages, which --ema-rate of sample and others takes',
  },
  seed: { kind: SEED, value: 'n', help: 'of the weights and of every draw (default: 0)' },
  mirror: { kind: SWITCH, help: 'mirror images at random (default: as the data says)', no: 'never mirror' },
  checkpointEvery: { kind: INTEGER, value: 'n', help: 'steps between checkpoints' },
  keep: { kind: INTEGER, value: 'n', help: 'newest checkpoints that are kept (default: 3)' },
  keepBest: {
    kind: oneOf(BEST_METRICS),
    value: 'metric',
    help: `keep the model that is best by ${BEST_METRICS.join(' or ')}, as best.safetensors`,
  },
  evaluateEvery: {
    kind: INTEGER,
    value: 'n',
    help: 'steps between measurements, which take a tenth of the time at most, 0 for none (default: 0, or with --validation or --keep-best every checkpoint)',
  },
  sampleEvery: { kind: INTEGER, value: 'n', help: 'steps between pictures of samples, 0 for none' },
  evaluationCount: {
    kind: INTEGER,
    value: 'n',
    help: 'samples measured against the data, 0 for none',
  },
  ...DEVICE_OPTION,
  ...THREADS_OPTION,
} as const

export const OPTIONS = {
  ...OUT_OPTION,
  ...UI_OPTION,
  ...LABELS_OPTION,
  ...VALIDATION_OPTION,
  ...TRAINING_OPTIONS,
  ...DATA_OPTIONS,
} as const

/** Too large for a flag. */
export const FILE_ONLY = { network: NETWORK } as const
