// The package's public functions, found in its exports; and for each, arguments that it takes.
import { fileURLToPath } from 'node:url'
import * as api from '../../dist/index.js'

const exported = { ...api }
const { FeatureNetwork, Network, PoissonFlow, Tensor, createSampler, datasets, featureStatistics } = exported

const ZIP = fileURLToPath(new URL('../data/packed/made/edm.zip', import.meta.url))
const TAR = fileURLToPath(new URL('../data/packed/made/webdataset.tar', import.meta.url))
const PARQUET = fileURLToPath(new URL('../data/packed/made/snappy.parquet', import.meta.url))
const FEATURES = fileURLToPath(new URL('../goldens/features/both.pt', import.meta.url))

/** Public to the package's own code alone, as their docstrings say. */
const INTERNAL = ['keep', 'sharedFlow', 'sharedFlowWithDivergence']

const isClass = (value) =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))
const isTable = (value) => Object.getPrototypeOf(value) === Object.prototype && !('_zod' in value)

/** `sample`, `Tensor.from`, `Tensor#data`, `datasets.idx`: every function that a caller can reach by name. */
export function publicFunctions() {
  return Object.entries(exported).flatMap(([name, value]) => {
    if (isClass(value))
      return [...methodsOf(value).map((one) => `${name}.${one}`), ...instanceMethods(name, value)]
    if (typeof value === 'function') return [name]
    return typeof value === 'object' && isTable(value) ? methodsOf(value).map((one) => `${name}.${one}`) : []
  })
}

function instanceMethods(name, { prototype }) {
  const methods = new Set()
  for (
    let one = prototype;
    one && one !== Object.prototype && one !== Error.prototype;
    one = Object.getPrototypeOf(one)
  ) {
    for (const method of methodsOf(one)) methods.add(method)
  }
  return [...methods].filter((method) => !INTERNAL.includes(method)).map((method) => `${name}#${method}`)
}

function methodsOf(object) {
  return Object.entries(Object.getOwnPropertyDescriptors(object)).flatMap(([name, { value }]) =>
    name !== 'constructor' && typeof value === 'function' ? [name] : [],
  )
}

const MLP = { kind: 'mlp', dimensions: 2, width: 4, depth: 1 }
const FLOW = {
  sigma: 0.01,
  tau: 0.03,
  M: 200,
  restrictM: true,
  gamma: 5,
  zMax: 4,
  zMin: 0.1,
  upperNorm: 20,
  zExp: 5,
}

/** What calls are made of; the files lie in the working folder. */
export async function fixtures() {
  const network = await Network.create(MLP, { seed: 1 })
  const table = { view: 'height', heights: [4, 0.1], steps: [{ ofX: 1, ofKnown: [-3.9] }] }
  const made = {
    network,
    table,
    flow: PoissonFlow.of(network, { data: 'two-moons', step: 0, flow: FLOW }),
    points: await Tensor.from(Float32Array.of(0.1, 0.2, 0.3, 0.4), [2, 2]),
    point: await Tensor.from(Float32Array.of(0.1, 0.2), [1, 2]),
    doubles: await Tensor.from(Float64Array.of(1, 2, 3, 4), [2, 2]),
    heights: await Tensor.from(Float32Array.of(1, 2), [2]),
    pixels: await Tensor.from(new Uint8Array(128).fill(9), [2, 1, 8, 8]),
    images: await Tensor.from(new Float32Array(128), [2, 1, 8, 8]),
    integers: await Tensor.from(new BigInt64Array(2), [2, 1]),
    digits: await PoissonFlow.load('digits'),
    mask: await Tensor.from(Float32Array.of(-1, 1), [1, 2]),
    small: await Tensor.from(new Uint8Array(16).fill(9), [1, 1, 4, 4]),
  }
  const film = await Tensor.full([2, 3, 1, 8, 8], 0, 'float32')
  const crowd = await Tensor.from(
    Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)),
    [30, 2],
  )
  const statistics = await featureStatistics(crowd)
  await statistics.save('statistics.npz')
  const measured = { crowd, statistics, features: await FeatureNetwork.load(FEATURES) }
  const sampler = await createSampler({ model: made.flow })
  return { ...made, ...measured, sampler, film: { images: film, heights: Float64Array.of(3, 2, 1) } }
}

/** Only searches and measurements take as long: they are broken off. */
const soon = () => AbortSignal.timeout(100)

const settings = () => ({ solver: 'dpm2m', steps: 3, schedule: 'karras', rho: 7 })
const ascent = () => ({ rtol: 0.1, atol: 0.1, batchSize: 2, signal: soon(), onProgress: () => {} })
const sampling = () => ({
  ...{
    solver: 'euler',
    steps: 3,
    schedule: 'uniform',
    controller: 'constant',
    batchSize: 2,
    batchTolerance: 'sample',
  },
  ...{ film: { frames: 2, of: 'state' }, maxEvaluations: 9, keepNotFinite: true, deterministic: false },
  ...{ precision: 'bfloat16', bfloat16Above: 1 },
  ...{ signal: soon(), onDenoised: () => undefined, onProgress: () => {}, onSearch: () => {} },
})
const training = (out) => ({
  ...{ out, network: MLP, flow: FLOW, steps: 2, batchSize: 4, smallBatchSize: 2, fieldBatch: 'batch' },
  ...{ learningRate: 1e-3, warmup: 1, clipNorm: 1, emaRate: 0.9, checkpointEvery: 1, sampleEvery: 0 },
  ...{ evaluationCount: 0, keep: 1, seed: 1, device: 'cpu', threads: 1 },
  ...{ validation: 0.5, evaluateEvery: 1, keepBest: 'validation-loss' },
})

/**
 * A call that goes through, by the function's name: its arguments, and where it is a method, what it is called on.
 * @param {Awaited<ReturnType<typeof fixtures>>} f
 * @param {number} n the number of the call
 */
export const CALLS = {
  // Whatever is disposed of is made for the call.
  'Network#dispose': async () => ({ on: await Network.create(MLP), args: [] }),
  'PoissonFlow#dispose': async () => ({
    on: PoissonFlow.of(await Network.create(MLP), { data: '', step: 0, flow: FLOW }),
    args: [],
  }),
  'FeatureNetwork#dispose': async () => ({ on: await FeatureNetwork.load(FEATURES), args: [] }),
  'FeatureStatistics#dispose': async (f) => ({ on: await featureStatistics(f.crowd), args: [] }),
  'Tensor#dispose': async () => ({ on: await Tensor.full([1], 0, 'uint8'), args: [] }),

  createSampler: (f) => ({ args: [{ model: f.flow, maxRows: 2, queueLimit: 4, device: 'cpu' }] }),
  'Sampler#submit': (f) => ({
    on: f.sampler,
    args: [
      {
        ...{ seed: 1, count: 2, solver: 'euler', steps: 2, temperature: 1, maxEvaluations: 9 },
        ...{ signal: soon(), priority: 1, deadline: 100, previews: true, precision: 'float32' },
        fill: { image: f.point, mask: f.mask },
      },
    ],
  }),
  'Sampler#drained': (f) => ({ on: f.sampler, args: [] }),
  'Sampler#close': async (f) => ({ on: await createSampler({ model: f.flow }), args: [] }),

  'Network.create': () => ({ args: [MLP, { seed: 1, device: 'cpu' }] }),
  'Network#parameters': (f) => ({ on: f.network, args: [] }),
  'Network#forward': (f) => ({ on: f.network, args: [f.points, f.heights] }),

  'PoissonFlow.load': () => ({ args: ['digits', { device: 'cpu', best: false }] }),
  'PoissonFlow.of': (f) => ({ args: [f.network, { data: 'x', step: 1, flow: FLOW }] }),
  'PoissonFlow#export': (f) => ({ on: f.flow, args: ['exported.onnx', { format: 'onnx' }] }),
  'PoissonFlow#save': (f) => ({ on: f.flow, args: ['saved.safetensors', { dtype: 'F16' }] }),
  'PoissonFlow#sample': (f) => ({ on: f.flow, args: [{ count: 2, seed: 1, temperature: 1, ...sampling() }] }),
  'PoissonFlow#encode': (f) => ({ on: f.flow, args: [f.points, ascent()] }),
  'PoissonFlow#decode': (f) => ({ on: f.flow, args: [f.doubles, sampling()] }),
  'PoissonFlow#logLikelihood': (f) => ({
    on: f.flow,
    args: [
      f.points,
      {
        ...ascent(),
        divergence: 'hutchinson',
        probes: 2,
        seed: 1,
        levels: 256,
        constant: 'exact',
        variable: 'z',
      },
    ],
  }),
  'PoissonFlow#density': (f) => ({ on: f.flow, args: [{ ...ascent(), side: 2, extent: 1 }] }),
  'PoissonFlow#sampleToFolder': (f, n) => {
    const { film, onDenoised, keepNotFinite, deterministic, batchTolerance, ...options } = sampling()
    return { on: f.digits, args: [`samples-${n}`, { count: 2, seed: 1, labels: 7, guidance: 2, ...options }] }
  },
  'PoissonFlow#saveSamples': (f) => ({
    on: f.digits,
    args: [f.images, 'samples.npz', { seed: 1, labels: [3, 8] }],
  }),
  'PoissonFlow#fill': (f) => {
    const { onDenoised, ...options } = sampling()
    return { on: f.flow, args: [f.point, f.mask, { count: 2, ...options }] }
  },
  'PoissonFlow#upscale': (f) => {
    const { onDenoised, ...options } = sampling()
    return { on: f.digits, args: [f.small, { count: 2, ...options }] }
  },
  'PoissonFlow#interpolate': (f) => ({ on: f.flow, args: [f.point, f.point, { ...ascent(), steps: 2 }] }),

  'Tensor.from': () => ({ args: [Float32Array.of(1, 2), [2, 1], { device: 'cpu' }] }),
  'Tensor.full': () => ({ args: [[2, 2], 1, 'float64'] }),
  'Tensor.concat': (f) => ({ args: [[f.points, f.point]] }),
  'Tensor.map': () => ({ args: ['bytes', 'float32', [2, 2], 16] }),
  'Tensor.loadNpy': () => ({ args: ['points.npy', 'float32'] }),
  'Tensor#data': (f) => ({ on: f.points, args: [] }),
  'Tensor#slice': (f) => ({ on: f.points, args: [0, 1] }),
  'Tensor#select': (f) => ({ on: f.points, args: [1, 0] }),
  'Tensor#rowNorms': (f) => ({ on: f.points, args: [] }),
  'Tensor#savePng': (f) => ({ on: f.images, args: ['saved.png', { columns: 2, zoom: 2, extent: 1 }] }),
  'Tensor#saveNpy': (f) => ({ on: f.points, args: ['saved.npy'] }),

  'datasets.digits': () => ({ args: [] }),
  'datasets.toy': () => ({ args: ['heart', { count: 9, seed: 1 }] }),
  'datasets.idx': () => ({ args: ['images.idx', { labels: 'labels.idx', mirror: false }] }),
  'datasets.cifar10': () => ({ args: ['cifar', { split: 'test', mirror: true }] }),
  'datasets.cifar100': () => ({ args: ['cifar', { split: 'test', classes: 'fine' }] }),
  'datasets.npy': () => ({ args: ['points.npy', { mirror: false }] }),
  'datasets.npz': () => ({ args: ['arrays.npz', { array: 'x', mirror: false }] }),
  'datasets.fashion': () => ({ args: [{ split: 'test', mirror: true }] }),
  'datasets.mnist': () => ({ args: [{ split: 'test', mirror: true }] }),
  'datasets.zip': () => ({ args: [ZIP, { size: 8, channels: 1, mirror: true, signal: soon() }] }),
  'datasets.tar': () => ({ args: [TAR, { size: 8, skipBroken: true, onProgress() {} }] }),
  'datasets.parquet': () => ({ args: [PARQUET, { size: 8, channels: 3, mirror: false }] }),
  'datasets.folder': () => ({ args: ['pictures', { size: 8, channels: 1, mirror: true, signal: soon() }] }),
  'datasets.images': () => ({ args: [['pictures/one.png'], { size: 8, channels: 1 }] }),
  'datasets.array': () => ({ args: [new Uint8Array(64), [1, 8, 8], { name: 'x', mirror: false }] }),
  openDataset: () => ({ args: ['idx:images.idx', { labels: 'labels.idx', signal: soon() }] }),

  fieldTarget: (f) => ({ args: [f.points, f.points, f.heights, 5] }),
  posteriorMean: (f) => ({ args: [f.points, f.points, f.heights, 3] }),
  hyperParameters: () => ({ args: [1, 2, { sigma: 0.01, tau: 0.03 }] }),
  logPriorDensity: () => ({ args: [1, 2, 3, 'published'] }),
  energyDistance: (f) => ({ args: [f.points, f.points] }),
  'FeatureNetwork.load': () => ({ args: [FEATURES] }),
  'FeatureNetwork.ofItems': () => ({ args: [[1, 28, 28]] }),
  'FeatureNetwork#of': (f) => ({ on: f.features, args: [f.pixels] }),
  'FeatureStatistics.load': () => ({ args: ['statistics.npz'] }),
  'FeatureStatistics#save': (f) => ({ on: f.statistics, args: ['written.npz'] }),
  'FeatureStatistics#frechetDistance': (f) => ({ on: f.statistics, args: [f.statistics] }),
  evaluate: (f) => ({
    args: [
      f.crowd,
      f.crowd,
      { training: f.crowd, neighbours: 3, seed: 1, signal: soon(), onProgress: () => {} },
    ],
  }),
  featureStatistics: (f) => ({ args: [f.crowd, { signal: soon() }] }),
  nearestItems: (f) => ({ args: [f.points, f.crowd, 2] }),
  energyFloor: (f) => ({ args: [f.points, 3, 2] }),
  densityImage: (f) => ({ args: [f.doubles] }),
  saveFilm: (f) => ({ args: [f.film, 'film.gif', { columns: 2, delay: 10 }] }),
  solversChart: () => ({
    args: [
      {
        ...{ count: 1, seed: '0', reference: {}, energyDistance: 0.1, solvers: [{ solver: 'euler karras' }] },
        points: [{ solver: 'euler karras', settings: {}, evaluations: 9, mean: 0.1, median: 0.1 }],
      },
      'a title',
    ],
  }),

  searchSchedule: (f) => ({ args: [f.flow, settings(), { signal: soon(), onProgress: () => {} }] }),
  multistepTable: (f) => ({ args: [f.flow, settings(), { signal: soon(), onSearch: () => {} }] }),
  readMultistepTable: () => ({ args: ['table.json'] }),
  compareSolvers: (f) => ({
    args: [
      f.flow,
      { count: 2, seed: 1, solvers: ['euler'], evaluations: [2], data: f.points, signal: soon() },
    ],
  }),

  train: async (_, n) => ({
    args: [{ data: await datasets.toy('heart', { count: 9 }), ...training(`run-${n}`) }],
  }),
  preset: () => ({ args: ['toy'] }),
  setThreads: () => ({ args: [1] }),
  convert: (_, n) => ({ args: ['digits', `converted-${n}.safetensors`, { dtype: 'F16' }] }),
  info: () => ({ args: [] }),
  memory: () => ({ args: [] }),
  profile: () => ({ args: ['trace.json', () => 1] }),
}

/** Calls a function by its name, and waits for what it gives; of a training, for its first events. */
export async function callOf(name, { on, args }) {
  const [, owner, method] = /^(?:(\w+)[.#])?(\w+)$/.exec(name) ?? []
  const receiver = on ?? (owner === undefined ? exported : exported[owner])
  const result = await receiver[method](...args)
  if (typeof result?.[Symbol.asyncIterator] !== 'function') return
  let events = 0
  for await (const _event of result) if (++events === 3) break
}
