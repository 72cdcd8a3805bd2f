/// <reference types="node" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />
/** Poisson Flow Generative Models (arXiv 2209.11178) for Node.js, on libtorch. */

import './native/unbundled.js'

export type { ImageSides, ImageSize } from './arguments/image-size.js'
export type { GivenModel } from './checkpoint/converters/converter.js'
export type { Exporter } from './checkpoint/exporters/exporter.js'
export { EXPORT_FORMATS } from './checkpoint/exporters/exporters.js'
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
  MnistOptions,
  NpyOptions,
  NpzOptions,
  OnReading,
  OpenOptions,
  PackedOptions,
  Split,
  ToyKind,
  ToyOptions,
  Values,
} from './data/index.js'
export { datasets, IMAGE_EXTENSIONS, openDataset, TOY_KINDS } from './data/index.js'
export { PfgmError, type PfgmErrorCode } from './errors.js'
export type { EdmSettings } from './flow/edm.js'
export type { DriftOptions, End, Flow, Jump } from './flow/flow.js'
export { FLOWS, type FlowSettings, type GivenFlow } from './flow/kinds.js'
export {
  fieldTarget,
  hyperParameters,
  logPriorDensity,
  type PfgmSettings,
  pfgmSettingsSchema,
} from './flow/pfgm.js'
export { type PfgmppSettings, posteriorMean } from './flow/pfgmpp.js'
export type { ScoreStep, Sde } from './flow/sde.js'
export type { SubvpSettings } from './flow/subvp.js'
export type { VeSettings } from './flow/ve.js'
export type { VpSettings } from './flow/vp.js'
export { energyDistance, energyFloor, type MeasureOptions } from './metrics/energy-distance.js'
export {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  featureStatistics,
} from './metrics/evaluate.js'
export { FeatureNetwork, type Seen, SHIPPED_FEATURES } from './metrics/feature-network.js'
export { type NearestItems, nearestItems } from './metrics/nearest.js'
export type { Score, Scores } from './metrics/scores.js'
export { FeatureStatistics } from './metrics/statistics.js'
export type { ConditionOptions, Label, LabelOptions } from './model/conditions.js'
export { type Conversion, type ConvertOptions, convert } from './model/convert.js'
export type { DensityOptions, DensityResult } from './model/density.js'
export type { EncodeOptions, EncodeResult } from './model/encode.js'
export { SHIPPED_MODELS } from './model/find.js'
export type { ImageTensor } from './model/images.js'
export type { InterpolateOptions } from './model/interpolate.js'
export type { LikelihoodOptions, LikelihoodResult } from './model/likelihood.js'
export type { Model } from './model/model.js'
export { ARCHIVE_EXTENSIONS, type ArchiveOptions } from './model/sample-archive.js'
export type { SampleFolderProgress } from './model/sample-to-folder.js'
export type { Dtype } from './native/addon.js'
export { type Device, info, memory, type RuntimeInfo, setThreads } from './native/device.js'
export { PRECISIONS, type Precision } from './native/precision.js'
export { profile } from './native/profile.js'
export {
  type DdpmConfig,
  type DhariwalConfig,
  type GaussiansConfig,
  type KUnetConfig,
  type MlpConfig,
  type NetworkConfig,
  networkConfigSchema,
  type RefinenetConfig,
  type SongConfig,
  type UnetConfig,
} from './nn/config.js'
export { Network } from './nn/network.js'
export type { Weights as MultistepWeights } from './ode/multistep-methods/multistep-method.js'
export type { MultistepTable } from './ode/multistep-methods/table.js'
export type { DenoisedImages, Denoiser } from './ode/pool/denoised.js'
export type { Film, FilmOptions } from './ode/pool/film.js'
export type { PoolProgress } from './ode/pool/progress.js'
export type { SampleStatistics, SampleStatus } from './ode/pool/statistics.js'
export {
  CONTROLLERS,
  CORRECTORS,
  type ControllerName,
  SCHEDULES,
  type ScheduleName,
  SOLVERS,
  type SolverName,
  type SolverSettings,
} from './ode/solver-options.js'
export { densityImage } from './pictures/density.js'
export { FILM_EXTENSIONS, type FilmPictureOptions, saveFilm } from './pictures/film.js'
export {
  type DecodeOptions,
  type KnownOptions,
  type LoadOptions,
  PoissonFlow,
  type SampleFolderOptions,
  type SampleFolderResult,
  type SampleOptions,
  type SampleResult,
} from './poisson-flow.js'
export type { Preview, Submission, SubmittedSamples } from './sampler/request.js'
export {
  createSampler,
  type SampleRequest,
  Sampler,
  type SamplerFigures,
  type SamplerOptions,
} from './sampler/sampler.js'
export type { PngOptions } from './tensor/picture.js'
export { Tensor, type TypedArrayOf } from './tensor/tensor.js'
export { BEST_METRICS, type BestMetric } from './train/best-metrics.js'
export type { Estimate } from './train/estimate.js'
export type { EndEvent, EvaluationEvent, Measured, StepEvent, TrainEvent } from './train/events.js'
export type { NetworkWidth } from './train/fit.js'
export { LEARNING_RATE_SCHEDULES, type LearningRateSchedule } from './train/optimizer.js'
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
export { multistepTable, readMultistepTable } from './tuning/multistep-table.js'
export { type SearchOptions, searchSchedule } from './tuning/schedule-search.js'
export type { MeasuredSolver, SearchedSchedule } from './tuning/solver-cache.js'
export type { ChosenSolver } from './tuning/solver-choice.js'
export {
  type ComparisonOptions,
  type ComparisonPoint,
  compareSolvers,
  type SolverComparison,
  type SolverSummary,
} from './tuning/solver-comparison.js'
export { solversChart } from './tuning/solvers-chart.js'
