/** Poisson Flow Generative Models (arXiv 2209.11178) for Node.js, on libtorch. */

export type { ImageTensor } from './ascent.js'
export type { ModelConfig } from './checkpoint/model.js'
export type {
  AnyDataset,
  ArrayOptions,
  Channels,
  Cifar10Options,
  Cifar100Options,
  Dataset,
  FolderOptions,
  IdxOptions,
  ImagesOptions,
  MappedValues,
  NpyOptions,
  OpenOptions,
  Split,
  ToyKind,
  ToyOptions,
} from './data/index.js'
export { datasets, IMAGE_EXTENSIONS, openDataset, TOY_KINDS } from './data/index.js'
export { type DensityOptions, type DensityResult, densityImage } from './density.js'
export { type Device, info, memory, type RuntimeInfo, setThreads } from './device.js'
export type { EncodeOptions, EncodeResult } from './encoding.js'
export { PfgmError, type PfgmErrorCode } from './errors.js'
export { FILM_EXTENSIONS, type FilmPictureOptions, saveFilm } from './film-picture.js'
export {
  fieldTarget,
  hyperParameters,
  logPriorDensity,
  type PfgmSettings,
  pfgmSettingsSchema,
} from './flow/pfgm.js'
export { posteriorMean } from './flow/pfgmpp.js'
export type { InterpolateOptions } from './interpolation.js'
export type { LikelihoodOptions, LikelihoodResult } from './likelihood.js'
export { energyDistance, energyFloor } from './metrics/energy-distance.js'
export { multistepTable, readMultistepTable } from './multistep-table.js'
export type { Dtype } from './native/addon.js'
export {
  type GaussiansConfig,
  type MlpConfig,
  type NetworkConfig,
  networkConfigSchema,
  type UnetConfig,
} from './nn/config.js'
export { Network } from './nn/network.js'
export type { DenoisedImages, Denoiser } from './ode/denoised.js'
export type { Film, FilmOptions } from './ode/film.js'
export type { MultistepTable } from './ode/multistep-methods/table.js'
export type { PoolProgress, SampleStatistics, SampleStatus } from './ode/pool.js'
export {
  CONTROLLERS,
  type ControllerName,
  SCHEDULES,
  type ScheduleName,
  SOLVERS,
  type SolverName,
  type SolverSettings,
} from './ode/solver-options.js'
export type { PngOptions } from './picture.js'
export {
  type DecodeOptions,
  PoissonFlow,
  type SampleOptions,
  type SampleResult,
  SHIPPED_MODELS,
} from './poisson-flow.js'
export { type SearchOptions, searchSchedule } from './schedule-search.js'
export type { MeasuredSolver, SearchedSchedule } from './solver-cache.js'
export type { ChosenSolver } from './solver-choice.js'
export {
  type ComparisonOptions,
  type ComparisonPoint,
  compareSolvers,
  type SolverComparison,
  type SolverSummary,
} from './solver-comparison.js'
export { Tensor, type TypedArrayOf } from './tensor.js'
export type { Estimate } from './train/estimate.js'
export type { EndEvent, TrainEvent } from './train/events.js'
export type { TrainOptions } from './train/options.js'
export {
  FIELD_BATCHES,
  type FieldBatch,
  PRESETS,
  type Preset,
  type PresetName,
  preset,
  type TrainingSettings,
} from './train/presets.js'
export { train } from './train/train.js'
