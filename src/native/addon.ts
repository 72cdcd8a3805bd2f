import type { BatchHandles, NativeBatch, NativeBatchDraw, NativeScales } from './batches.js'
import type { NativeEstimate, NativeGaussian } from './evaluation.js'
import type {
  AnyHandle,
  Dtype,
  FeatureNetworkHandle,
  FlowHandle,
  LockHandle,
  NetworkHandle,
  OwnerHandle,
  TensorHandle,
  TensorInfo,
  TrainerHandle,
  TrajectoriesHandle,
} from './handles.js'
import type { NativeNetworkConfig } from './network-config.js'
import type { NativePass } from './pass.js'
import type { Precision } from './precision.js'
import type { Combination, Evaluation, NativeRows, RowCombination, SquareSum, View } from './trajectories.js'

export type * from './batches.js'
export type * from './evaluation.js'
export type * from './handles.js'
export type * from './trajectories.js'

/** Where a tensor lies in a safetensors file, in bytes from the start of the data. */
export interface TensorSlot {
  readonly name: string
  readonly dtype: string
  readonly begin: number
  readonly end: number
}

/**
 * How div f is found: exactly, or with random signs drawn from each row's key, or with `given` probes `[keys, probes,
 * N]`, in which a row's key is its place.
 */
export interface NativeDivergence {
  readonly exact: boolean
  readonly probes: number
  readonly given?: TensorHandle
}

export interface NativePicture {
  readonly pixels: ArrayBuffer
  readonly width: number
  readonly height: number
  readonly channels: number
}

/** How a flow evaluates its network: rows at heights of `roundsAbove` and below in float32, whatever the precision. */
export interface NativeInference {
  deterministic: boolean
  precision: Precision
  roundsAbove: number
}

/**
 * Every native function, typed: the one door between TypeScript and C++ (`native/binding/`). A test fails where this
 * file and the addon's exports differ in a name or a number of arguments.
 *
 * Promises settle after the device's own thread has done the work; the event loop never waits for it.
 */
export interface Addon {
  /** Name and number of arguments of every function below. */
  readonly signatures: Readonly<Record<string, number>>

  // runtime
  initialise(errorClass: new (code: never, message: string) => Error): void
  info(): {
    libtorch: string
    version: string
    instructions: string
    fieldKernel: string
    cores: number
    cudaDevices: number
  }
  loadCuda(path: string): string
  checkDevice(device: string): void
  fieldKernels(): string[]
  chooseFieldKernel(name: string, form: 'auto' | 'differences' | 'product' | 'bytes'): void
  setThreads(threads: number): Promise<number>
  countThreads(): Promise<number>
  stop(call: Promise<unknown>): boolean
  /** False where a profile is being recorded, in this thread or another. */
  startProfile(): boolean
  /** Of each span its name, its thread, and when it begins and how long it is, in microseconds. */
  stopProfile(): { names: string[]; threads: Int32Array; times: Float64Array; leftOut: number }
  memory(): { handles: number; bytes: number; resident: number; peak: number }
  dispose(handle: AnyHandle): boolean

  // tensors
  createTensor(
    values: ArrayBufferView,
    dtype: Dtype,
    shape: readonly number[],
    device: string,
  ): Promise<TensorInfo>
  fullTensor(shape: readonly number[], value: number, dtype: Dtype): Promise<TensorInfo>
  concatTensors(tensors: readonly TensorHandle[]): Promise<TensorInfo>
  stackTensors(tensors: readonly TensorHandle[]): Promise<TensorInfo>
  selectTensor(tensor: TensorHandle, axis: number, index: number): Promise<TensorInfo>
  rowNorms(tensor: TensorHandle): Promise<Float64Array>
  mapTensor(path: string, dtype: Dtype, shape: readonly number[], offset: number): Promise<TensorInfo>
  readTensor(tensor: TensorHandle): Promise<ArrayBuffer>
  sliceTensor(tensor: TensorHandle, first: number, count: number): Promise<TensorInfo>
  toyPoints(
    kind: 'two-moons' | 'eight-gaussians' | 'heart',
    count: number,
    seed: number | bigint,
  ): Promise<ArrayBuffer>

  // networks
  createNetwork(
    config: NativeNetworkConfig,
    seed: number | bigint,
    device: string,
  ): Promise<{ id: NetworkHandle; parameterCount: number }>
  /** z where the network gives a field. */
  forward(
    network: NetworkHandle,
    x: TensorHandle,
    z: TensorHandle,
    labels: Int32Array | undefined,
    byLibtorch: boolean,
    precision: Precision,
  ): Promise<{ x: TensorInfo; z?: TensorInfo }>
  weightsVersion(network: NetworkHandle): number

  // flows
  createPfgmFlow(
    network: NetworkHandle,
    config: {
      gamma: number
      zExp: number
      upperNorm: number
      epsilon: number
      normalised: boolean
      inference: NativeInference
    },
  ): FlowHandle
  createDenoisingFlow(
    network: NetworkHandle,
    config: { scales: NativeScales; inTime: boolean; inference: NativeInference },
  ): FlowHandle
  pfgmppPrior(keys: BigUint64Array, dimensions: number, sigma: number, d: number): Promise<TensorInfo>
  withDivergence(flow: FlowHandle, divergence: NativeDivergence): FlowHandle
  pfgmPrior(keys: BigUint64Array, dimensions: number, zMax: number, upperNorm: number): Promise<TensorInfo>
  fieldTarget(sources: TensorHandle, x: TensorHandle, z: TensorHandle, gamma: number): Promise<TensorInfo>
  posteriorMean(sources: TensorHandle, x: TensorHandle, r: TensorHandle, d: number): Promise<TensorInfo>
  perturb(
    y: TensorHandle,
    draws: { gaussian: TensorHandle; epsX: TensorHandle; epsZ: TensorHandle; m: TensorHandle },
    tau: number,
  ): Promise<{ x: TensorInfo; z: TensorInfo }>
  /** With draws that are given; beta is left out with infinite d. */
  perturbDenoising(
    y: TensorHandle,
    draws: { sigma: TensorHandle; gaussian: TensorHandle; beta?: TensorHandle },
    settings: { d: number; scales: NativeScales; published: boolean },
  ): Promise<{ points: TensorInfo; x: TensorInfo; z: TensorInfo; target: TensorInfo; weight: TensorInfo }>

  // the GPU's kernels one by one, for tests: on the CPU their tile code runs lane by lane
  /** `exactGroups`: how many groups of 4 x 4 pairs took the exact pass; -1 on a GPU, which does not count. */
  cudaFieldTarget(
    sources: TensorHandle,
    x: TensorHandle,
    z: TensorHandle,
    gamma: number,
  ): Promise<{ target: TensorInfo; exactGroups: number }>
  /** `[b, B, 2]`: the screen's lower bound of each pair's squared distance, and the error that it allows for. */
  cudaScreen(sources: TensorHandle, x: TensorHandle, z: TensorHandle): Promise<TensorInfo>
  cudaPerturb(
    y: TensorHandle,
    settings: {
      seed: number | bigint
      step: number
      sigma: number
      tau: number
      M: number
      restrictM: boolean
    },
  ): Promise<{ x: TensorInfo; z: TensorInfo }>

  // likelihood, encoding
  dataState(data: TensorHandle, extra: number): Promise<TensorInfo>
  dequantize(data: TensorHandle, keys: BigUint64Array, levels: number): Promise<TensorInfo>
  perturbTo(data: TensorHandle, keys: BigUint64Array, z: number, upperNorm: number): Promise<TensorInfo>
  perturbByKernel(data: TensorHandle, keys: BigUint64Array, sigma: number, d: number): Promise<TensorInfo>
  slerp(ends: TensorHandle, fractions: readonly number[]): Promise<TensorInfo>
  readLikelihood(
    states: TensorHandle,
    dimensions: number,
  ): Promise<{ radii: Float64Array; integrals: Float64Array }>

  // training
  createTrainer(
    config: NativeNetworkConfig,
    seed: number | bigint,
    adam: { beta1: number; beta2: number; epsilon: number },
    device: string,
    furtherAverages: number,
  ): Promise<{ id: TrainerHandle; network: NetworkHandle; ema: NetworkHandle; parameterCount: number }>
  makeBatch(
    data: TensorHandle,
    settings: NativeBatchDraw & {
      gamma: number
      sigma: number
      tau: number
      M: number
      restrictM: boolean
    },
    device: string,
  ): Promise<NativeBatch>
  makeDenoisingBatch(
    data: TensorHandle,
    settings: NativeBatchDraw & {
      scales: NativeScales
      d: number
      posterior: boolean
      publishedDraw: boolean
    },
    device: string,
  ): Promise<NativeBatch>
  trainStep(
    trainer: TrainerHandle,
    batch: BatchHandles,
    settings: {
      update: number
      learningRate: number
      clipNorm: number
      emaDecay: number
      furtherEmaDecays: readonly number[]
      dropoutSeed: number | bigint
      pass?: NativePass
    },
  ): Promise<{ loss: number; gradientNorm: number; applied: boolean }>

  probeStep(
    trainer: TrainerHandle,
    batch: BatchHandles,
    pass: NativePass | undefined,
  ): Promise<{ seconds: number; activationBytes: number }>

  // trajectories
  /** @param noise `[places, draws, N]` in the place of what is drawn; a row's key is then its place */
  createTrajectories(
    start: TensorHandle,
    rows: NativeRows,
    slots: number,
    keepsDenoised: boolean,
    noise: TensorHandle | undefined,
    device: string,
  ): Promise<TrajectoriesHandle>
  evaluateDrifts(flow: FlowHandle, evaluations: readonly Evaluation[]): Promise<Uint8Array>
  readDenoised(
    pool: TrajectoriesHandle,
    rows: readonly number[] | undefined,
    shape: readonly number[],
  ): Promise<TensorInfo>
  replaceDenoised(
    pool: TrajectoriesHandle,
    values: TensorHandle,
    slot: number,
    otherSide: number | undefined,
    heights: Float64Array,
    rows: readonly number[] | undefined,
    view: View,
  ): Promise<void>
  /** Of all rows for the first sum, then for the next. */
  trajectoryNorms(
    pool: TrajectoriesHandle,
    sums: readonly SquareSum[],
    steps: Float64Array,
    atol: number,
    rtol: number,
  ): Promise<Float64Array>
  advanceTrajectories(
    pool: TrajectoriesHandle,
    y: Combination | RowCombination,
    steps: Float64Array,
    moved: Uint8Array,
    last: number,
  ): Promise<void>
  /** A combination each for the state (-1) and slots, all of what was there before. */
  assignTrajectories(
    pool: TrajectoriesHandle,
    targets: readonly number[],
    values: readonly RowCombination[],
  ): Promise<void>
  drawTrajectories(
    pool: TrajectoriesHandle,
    rows: readonly number[],
    y: RowCombination,
    out: TensorHandle,
    outRows: readonly number[],
  ): Promise<void>
  retireTrajectories(
    pool: TrajectoriesHandle,
    rows: readonly number[],
    out: TensorHandle,
    outRows: readonly number[],
  ): Promise<void>
  joinTrajectories(pool: TrajectoriesHandle, start: TensorHandle, rows: NativeRows): Promise<void>
  trajectoryState(pool: TrajectoriesHandle): Promise<TensorInfo>

  // metrics and pictures
  dataStatistics(
    data: TensorHandle,
  ): Promise<{ meanNorm: number; deviation: number; minimum: number; maximum: number; notFinite: number }>
  energyDistance(samples: TensorHandle, data: TensorHandle, pixels: boolean): Promise<number>
  energyFloor(
    data: TensorHandle,
    count: number,
    repeats: number,
    seed: number | bigint,
    pixels: boolean,
  ): Promise<Float64Array>
  /** `samples`: the mean |error| of each, of pixels in [0, 1]; `quantiles` of all pixels, one a share. */
  pixelErrors(
    values: TensorHandle,
    converged: TensorHandle,
    clip: boolean,
    shares: readonly number[],
  ): Promise<{ samples: Float64Array; quantiles: Float64Array }>
  /** Sum i is of the next `terms[i]` terms. */
  meanNorms(
    states: TensorHandle,
    denoised: TensorHandle,
    sums: { terms: Int32Array; places: Int32Array; ofState: Float64Array; ofDenoised: Float64Array },
  ): Promise<Float64Array>
  imageGrid(images: TensorHandle, columns: number, zoom: number, gap: number): Promise<NativePicture>
  gridPoints(side: number, extent: number): Promise<TensorInfo>
  densityShades(density: TensorHandle): Promise<TensorInfo>
  pointDensity(points: TensorHandle, size: number, extent: number): Promise<NativePicture>

  // samples beside data
  energyEstimate(samples: TensorHandle, data: TensorHandle, pixels: boolean): Promise<NativeEstimate>
  /** Sums over so many features of no item yet. */
  noMoments(features: number): TensorInfo
  addMoments(moments: TensorHandle, rows: TensorHandle, first: number): Promise<void>
  gaussianOf(moments: TensorHandle): Promise<{ mean: TensorInfo; covariance: TensorInfo }>
  frechetDistance(one: NativeGaussian, other: NativeGaussian): Promise<number>
  frechetEstimate(moments: TensorHandle, other: NativeGaussian): Promise<NativeEstimate>
  /** Of each pair of subsets. */
  kernelDistances(
    a: TensorHandle,
    b: TensorHandle,
    rowsOfA: TensorHandle,
    rowsOfB: TensorHandle,
  ): Promise<Float64Array>
  randomSubsets(seed: number | bigint, subsets: number, size: number, total: number): Promise<TensorInfo>
  manifolds(
    samples: TensorHandle,
    data: TensorHandle,
    k: number,
  ): Promise<{
    precision: NativeEstimate
    recall: NativeEstimate
    density: NativeEstimate
    coverage: NativeEstimate
  }>
  /** Of the k rows of b that are nearest to each of a's, one after the other. */
  nearestRows(
    a: TensorHandle,
    b: TensorHandle,
    k: number,
    pixels: boolean,
  ): Promise<{ rows: Float64Array; distances: Float64Array }>
  /** As rows of float32. */
  itemNumbers(items: TensorHandle, pixels: boolean): Promise<TensorInfo>
  slicedWasserstein(
    a: TensorHandle,
    b: TensorHandle,
    directions: TensorHandle,
    p: number,
    pixels: boolean,
  ): Promise<NativeEstimate>
  randomDirections(seed: number | bigint, count: number, features: number): Promise<TensorInfo>
  inceptionScores(probabilities: TensorHandle, splits: number): Promise<Float64Array>
  loadFeatureNetwork(network: string): Promise<FeatureNetworkHandle>
  /** Its tensors are zeros until `readState` fills them. */
  createInceptionNetwork(): Promise<FeatureNetworkHandle>
  featuresOf(
    features: FeatureNetworkHandle,
    images: TensorHandle,
  ): Promise<{ features: TensorInfo; probabilities?: TensorInfo }>

  // checkpoints and run folders
  describeState(owner: OwnerHandle): { name: string; shape: number[] }[]
  /** Resolves to the checksum of the header and of the tensors' bytes. */
  writeState(owner: OwnerHandle, path: string, header: string, slots: readonly TensorSlot[]): Promise<string>
  readState(owner: OwnerHandle, path: string, dataOffset: number, slots: readonly TensorSlot[]): Promise<void>
  /** As `writeState` gave it, for a header that says what it said then. */
  checksumFile(path: string, header: string, dataOffset: number, length: number): Promise<string>
  /** Of the bytes of the first rows. */
  hashTensor(tensor: TensorHandle, rows: number): Promise<string>
  /** Until the handle is disposed of or this thread or the process ends; the file, which says `holder`, goes with it. */
  lockFile(path: string, holder: string): LockHandle | 'busy' | 'unsupported'
}
