import fc from 'fast-check'
import { goldenPath } from '../golden.js'
import { signatures } from './signatures.js'

export const BUFFERS: Record<string, new (of: never) => ArrayBufferView> = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
}
export const BUFFER_OF = {
  float32: 'Float32Array',
  float64: 'Float64Array',
  uint8: 'Uint8Array',
  int64: 'BigInt64Array',
}

export function buffer(name: string, values: number[]): ArrayBufferView {
  return new BUFFERS[name]!((name.startsWith('Big') ? values.map(BigInt) : values) as never)
}

/** Stands for one of `OBJECTS` until a call is made. */
export class Held {
  constructor(
    readonly kind: string,
    readonly name: string,
  ) {}
  [fc.toStringMethod](): string {
    return `<${this.kind} ${this.name}>`
  }
}

/** Stands for a buffer whose memory is gone, which cannot be printed, until a call is made. */
export class Detached {
  constructor(readonly name: string) {}
  [fc.toStringMethod](): string {
    return `<detached ${this.name}>`
  }
  make(): ArrayBufferView {
    const view = buffer(this.name, [1, 2, 3])
    structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] })
    return view
  }
}

/** A native function and those of its arguments that matter; the others are any that fit. */
interface Maker {
  by: string
  given: Record<string, unknown>
}

function tensor(dtype: keyof typeof BUFFER_OF, ...shape: number[]): Maker {
  const length = shape.reduce((product, size) => product * size, 1)
  const values = Array.from({ length }, (_, i) => i + 1)
  return { by: 'createTensor', given: { values: buffer(BUFFER_OF[dtype], values), dtype, shape } }
}

/** An object of every function that makes nothing but one of that kind, with what is given where it asks for it. */
function eachMaker(kind: string, given: Record<string, unknown>): Record<string, Maker> {
  const makers = Object.entries(signatures).filter(
    ([, { returns }]) => returns.is === 'handle' && returns.kind === kind,
  )
  return Object.fromEntries(makers.map(([by]) => [by, { by, given }]))
}

const MLP = { kind: 'mlp', dimensions: 2, width: 4, depth: 1, output: 'field' }
const UNET = { kind: 'unet', channels: 1, imageSize: [4, 4], nf: 4, ddpmBlocks: false, output: 'field' }
const REFINENET = { kind: 'refinenet', channels: 1, imageSize: [4, 4], nf: 4, output: 'field' }
const SONG = { kind: 'song', channels: 1, imageSize: [4, 4], labels: 3, augment: 2, modelChannels: 4 }
const EACH = [1, 1, 1]
const GAUSSIANS = { kind: 'gaussians', dimensions: 2, components: 3, deviations: EACH, weights: EACH }
const ROWS = new Held('tensor', 'rows')
/** What three trajectories take beside their states. */
const OF_ROWS = { rows: { keys: buffer('BigUint64Array', [1, 2, 3]) }, slots: 4, noise: undefined }

/** What handles stand for, by their kind. Most are of three rows of two numbers. */
export const OBJECTS: Record<string, Record<string, Maker>> = {
  tensor: {
    rows: tensor('float32', 3, 2),
    doubles: tensor('float64', 3, 2),
    integers: tensor('int64', 3, 2),
    heights: tensor('float32', 3),
    classes: tensor('int64', 3),
    target: tensor('float32', 3, 3),
    imageTarget: tensor('float32', 3, 17),
    ends: tensor('float64', 2, 2),
    states: tensor('float64', 3, 4),
    dense: tensor('float64', 3, 3, 2),
    probes: tensor('float32', 3, 2, 2),
    crowd: tensor('float32', 20, 2),
    moments: tensor('float64', 10, 3, 3),
    subsets: tensor('int64', 1, 2),
    mean: tensor('float64', 2),
    images: tensor('float32', 3, 1, 4, 4),
    pixels: tensor('uint8', 3, 3, 4, 4),
    mapped: { by: 'mapTensor', given: { path: 'mapped', dtype: 'float32', shape: [3, 2], offset: 8 } },
    scalar: tensor('float32'),
    none: tensor('float32', 0, 2),
    hollow: tensor('float32', 3, 0),
    endless: tensor('float32', 2 ** 50, 1, 0, 2),
    disposed: tensor('float32', 3, 2),
  },
  network: {
    mlp: { by: 'createNetwork', given: { config: MLP } },
    unet: { by: 'createNetwork', given: { config: UNET } },
    gaussians: {
      by: 'createNetwork',
      given: { config: { ...GAUSSIANS, output: 'field', D: 1 } },
    },
    refinenet: { by: 'createNetwork', given: { config: REFINENET } },
    song: { by: 'createNetwork', given: { config: SONG } },
    denoiser: { by: 'createNetwork', given: { config: { ...GAUSSIANS, output: 'denoised', D: 3 } } },
  },
  trainer: {
    mlp: { by: 'createTrainer', given: { config: MLP } },
    unet: { by: 'createTrainer', given: { config: UNET } },
  },
  flow: {
    ...eachMaker('flow', {
      network: new Held('network', 'mlp'),
      flow: new Held('flow', 'createPfgmFlow'),
      divergence: { exact: false, probes: 2, given: undefined },
    }),
    createDenoisingFlow: {
      by: 'createDenoisingFlow',
      given: { network: new Held('network', 'denoiser') },
    },
  },
  featureNetwork: {
    both: { by: 'loadFeatureNetwork', given: { network: goldenPath('features/both.pt') } },
    inception: { by: 'createInceptionNetwork', given: {} },
  },
  lock: { file: { by: 'lockFile', given: { path: 'locked', holder: 'a test' } } },
  trajectories: {
    points: { by: 'createTrajectories', given: { start: ROWS, ...OF_ROWS, keepsDenoised: true } },
    plain: { by: 'createTrajectories', given: { start: ROWS, ...OF_ROWS, keepsDenoised: false } },
    states: { by: 'createTrajectories', given: { start: new Held('tensor', 'states'), ...OF_ROWS } },
  },
}
