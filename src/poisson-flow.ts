import { z } from 'zod'
import {
  type Fields,
  FUNCTION,
  number,
  optionsSchema,
  parse,
  parseOptions,
  SWITCH,
} from './arguments/schema.js'
import { expectPath } from './check.js'
import type { GivenModel } from './checkpoint/converters/converter.js'
import { configSchema, type ModelConfig } from './checkpoint/model.js'
import { expectOutput, type GivenFlow, parseFlow } from './flow/kinds.js'
import { DENSITY_SCHEMA, type DensityOptions, type DensityResult, densityOnGrid } from './model/density.js'
import { ENCODE_SCHEMA, type EncodeOptions, type EncodeResult, encode } from './model/encode.js'
import { keptPixels } from './model/fill.js'
import type { ImageTensor } from './model/images.js'
import { INTERPOLATE_SCHEMA, type InterpolateOptions, interpolate } from './model/interpolate.js'
import {
  LIKELIHOOD_SCHEMA,
  type LikelihoodOptions,
  type LikelihoodResult,
  logLikelihood,
} from './model/likelihood.js'
import { GIVEN_FIELDS, loadModel } from './model/load.js'
import { denoiserOf, expectDenoising, type Measurement, settled } from './model/measurement.js'
import { Model } from './model/model.js'
import {
  SAMPLING_FIELDS,
  type Samples,
  type SamplingOptions,
  sample,
  samplingSettings,
} from './model/sample.js'
import { ARCHIVE_FIELDS, type ArchiveOptions, saveSamples } from './model/sample-archive.js'
import {
  expectFolderOptions,
  FOLDER_FIELDS,
  type FolderSamples,
  type FolderSamplingOptions,
  sampleToFolder,
} from './model/sample-to-folder.js'
import { expectStarts, startHeight } from './model/starts.js'
import { blockMeans } from './model/upscale.js'
import { DEVICE, type Device } from './native/device.js'
import { NETWORK, type Network } from './nn/network.js'
import type { Tensor } from './tensor/tensor.js'
import { preparedSolver } from './tuning/prepared-solver.js'
import { type ChosenSolver, REQUEST_FIELDS, type SolverRequest } from './tuning/solver-choice.js'
import { wantedSolver } from './tuning/wanted-solver.js'

/** Which model is loaded, and where to. */
export interface LoadOptions {
  /** Where the network is to run. Default auto. */
  device?: Device
  /** Of a run folder: the model that was kept as its best (`keepBest`), in place of the newest. Default false. */
  best?: boolean
  /** Of a run folder or a checkpoint: the decay of the weights' average, where training kept several (`emaRates`). */
  emaRate?: number
  /**
   * Of a file of another program: fields of the network that its tensors do not tell, such as `imageSize`. They go before
   * what was recognised.
   */
  network?: GivenModel['network']
  /** Likewise: settings of the flow, for images in [-1, 1]. */
  flow?: GivenModel['flow']
  /**
   * Told where a run's newest checkpoint is cut short or damaged, and the newest whole one is taken, and of what a file of
   * another program does not say and was taken as is usual. A warning of the process (`process.emitWarning`) where not given.
   */
  onWarning?: (message: string) => void
}

/** How samples are drawn, and by which solver. */
export interface SampleOptions extends SamplingOptions, SolverRequest {
  /** Called before the sampling where something is searched or measured first: with its share that is done, 0 to 1. */
  onSearch?: (fraction: number, what: string) => void
}

const SAMPLE_FIELDS: Fields<SampleOptions> = { ...SAMPLING_FIELDS, ...REQUEST_FIELDS, onSearch: FUNCTION }
const SAMPLE_SCHEMA = optionsSchema<SampleOptions>(SAMPLE_FIELDS)

/** As of `sample`. Pictures do not depend on each other, so that there are no joint steps or norms. */
export interface SampleFolderOptions extends FolderSamplingOptions, SolverRequest {
  /** As of `sample`. */
  onSearch?: SampleOptions['onSearch']
}

const FOLDER_SCHEMA = optionsSchema<SampleFolderOptions>({
  ...FOLDER_FIELDS,
  ...REQUEST_FIELDS,
  onSearch: FUNCTION,
})

/** As of `sample`; the starts are the encodings. */
export type DecodeOptions = Omit<SampleOptions, 'count' | 'seed' | 'start' | 'temperature' | 'from'>

const { count, seed, start, temperature, from, ...DECODE_FIELDS } = SAMPLE_FIELDS
const DECODE_SCHEMA = optionsSchema<DecodeOptions>(DECODE_FIELDS)

/** As of `sample`; what is known of the samples leads them. */
export type KnownOptions = Omit<SampleOptions, 'start' | 'temperature' | 'from' | 'onDenoised'>

const { onDenoised, ...KNOWN_FIELDS } = { ...DECODE_FIELDS, count, seed }
const KNOWN_SCHEMA = optionsSchema<KnownOptions>(KNOWN_FIELDS)
const ARCHIVE_SCHEMA = optionsSchema<ArchiveOptions>(ARCHIVE_FIELDS)
const LOAD_SCHEMA = optionsSchema<LoadOptions>({
  device: DEVICE,
  best: SWITCH,
  emaRate: number(0, 1),
  ...GIVEN_FIELDS,
  onWarning: FUNCTION,
})
/** The flow is judged by its kind. */
const OF_SCHEMA = configSchema.omit({ network: true }).extend({ flow: z.unknown() }).strict()

/** Samples, what they cost, and how. */
export interface SampleResult extends Samples {
  /** What `auto` chose, and what it was measured to do. */
  readonly chosen?: ChosenSolver
}

/** What was drawn into a folder, and how. */
export interface SampleFolderResult extends FolderSamples, Pick<SampleResult, 'chosen'> {}

/** A trained model, PFGM's or another flow's: draws samples, encodes, decodes, and computes likelihoods. */
export class PoissonFlow extends Model {
  /**
   * Loads a model.
   * @param source a run folder (its newest checkpoint's averaged weights, or its best model), a model or checkpoint file, a
   *   file of another program that `convert` knows, or the name of a model that comes with the package: `digits`, `fashion`
   * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model, or a damaged one
   */
  static async load(source: string, options: LoadOptions = {}): Promise<PoissonFlow> {
    expectPath('source', source)
    const given = parseOptions('PoissonFlow.load', LOAD_SCHEMA, options)
    const { device, emaRate, best = false, onWarning = (message) => process.emitWarning(message) } = given
    const { network: fields, flow } = given
    const {
      config,
      network,
      source: file,
    } = await loadModel(source, {
      device,
      best,
      emaRate,
      given: { network: fields, flow },
      onWarning,
    })
    return new PoissonFlow(config, network, file)
  }

  /**
   * A flow over a network that is already there; it becomes the flow's to dispose of.
   * @throws TypeError or RangeError where the flow's settings are not whole or not right
   */
  static of(
    network: Network,
    config: Omit<ModelConfig, 'network' | 'flow'> & { flow: GivenFlow },
  ): PoissonFlow {
    parse('network', NETWORK, network)
    const { flow, ...rest } = parse('config', OF_SCHEMA, config)
    const settings = parseFlow(flow)
    expectOutput(network.config, settings)
    return new PoissonFlow({ ...rest, flow: settings, network: network.config }, network)
  }

  /**
   * Draws samples by following the flow from its far end, z_max, to its near one, z_min (arXiv 2209.11178, section 3.3).
   * Samplings at the same time, of whatever solvers, share their network calls: each gets what it gets alone, whoever
   * begins or is aborted beside it.
   * @throws TypeError or RangeError for wrong options, and such as do not go together; PfgmError `ERR_PFGM_NOT_FINITE` where a
   *   sample is not finite, `ERR_PFGM_OUT_OF_MEMORY` where memory cannot hold what is asked for; the signal's reason
   */
  async sample(given: SampleOptions = {}): Promise<SampleResult> {
    const options = parseOptions('sample', SAMPLE_SCHEMA, given)
    const wanted = wantedSolver(this, options)
    samplingSettings(this, options) // what is wrong is said before anything is searched
    const { signal, onSearch } = options
    signal?.throwIfAborted()
    const height = startHeight(this, options)
    const { solver, chosen } = await preparedSolver(this, wanted, height, { signal, onProgress: onSearch })
    return { ...(await sample(this, solver, options)), ...(chosen && { chosen }) }
  }

  /**
   * Draws samples into a folder, a picture each, at their own size: sample i of seed s is that of `sample`, and its file
   * is named by its seed s + i, `000123.png`. `samples.json` says what they are samples of; `dataset.json`, where there are
   * labels, has that of each picture, in the form of EDM's tools for data sets. Pictures that are there are not drawn
   * again: what was broken off goes on, and more may be asked for. As many are in memory as are under way.
   * @param folder is made where there is none
   * @throws RangeError where it holds samples of another model, seed, label or solver, or other files; TypeError for
   *   models of what is no picture; PfgmError `ERR_PFGM_RUN_BUSY` where samples are being drawn there,
   *   `ERR_PFGM_NOT_FINITE`, after all others are drawn, where there are samples without numbers
   */
  async sampleToFolder(folder: string, given: SampleFolderOptions = {}): Promise<SampleFolderResult> {
    expectPath('folder', folder)
    const options = parseOptions('sampleToFolder', FOLDER_SCHEMA, given)
    const wanted = wantedSolver(this, options)
    expectFolderOptions(this, options)
    const { signal, onSearch } = options
    signal?.throwIfAborted()
    const search = { signal, onProgress: onSearch }
    const { chosen, ...prepared } = await preparedSolver(this, wanted, this.flow.far.height, search)
    return { ...(await sampleToFolder(this, prepared, folder, options)), ...(chosen && { chosen }) }
  }

  /**
   * Writes samples as an archive for programs that score them: `.npz`, as guided-diffusion's read it, with pixels
   * `arr_0` `[n, height, width, channels]` and the labels `arr_1`; or `.zip`, as EDM's and StyleGAN's read it, with a PNG
   * each, `000123.png` of seed 123, and the labels in `dataset.json`.
   * @param images `[n, ...itemShape]`, as of `sample`
   * @throws RangeError where the path ends in something else; TypeError where a zip is asked for of what are no images
   */
  async saveSamples(images: Tensor, path: string, options: ArchiveOptions = {}): Promise<void> {
    expectPath('path', path)
    await saveSamples(this, images, path, parseOptions('saveSamples', ARCHIVE_SCHEMA, options))
  }

  /**
   * Follows the field from the data to the plane z_max, where points lie as the prior says: the inverse of sampling
   * (arXiv 2209.11178, section 3.3).
   * @param images `[count, ...itemShape]`: values in about [-1, 1], or uint8 pixels v, which stand for v / 127.5 - 1
   * @throws TypeError for another shape; PfgmError `ERR_PFGM_NOT_FINITE` where a path has no end
   */
  async encode(images: ImageTensor, options: EncodeOptions = {}): Promise<EncodeResult> {
    return encode(this, images, parseOptions('encode', ENCODE_SCHEMA, options))
  }

  /**
   * Follows encodings back to the data: sampling from given starts.
   * @param encodings `[count, ...itemShape]`, points on the plane z_max, at most 100 upper_norm from its origin
   * @throws TypeError for another shape or dtype; RangeError where one is not finite or too far out
   */
  async decode(encodings: Tensor<'float64'>, options: DecodeOptions = {}): Promise<SampleResult> {
    const parsed = parseOptions('decode', DECODE_SCHEMA, options)
    await expectStarts('encodings', encodings, this, ['float64'])
    return this.sample({ ...parsed, start: encodings })
  }

  /**
   * ln p of images under the model: ln p(x) = ln prior(x at z_max) + the integral of div(dx/dz) dz along the path from
   * x up to z_max (arXiv 2209.11178, section 3.3), p a density over values in [-1, 1] at height z_min. Likelihoods at the
   * same time, of as many probes, share their network calls as samplings do.
   * @param images `[count, ...itemShape]`: values in about [-1, 1], or uint8 pixels v, which are dequantised
   * @throws TypeError for another shape; PfgmError `ERR_PFGM_NOT_FINITE` where a path has no end
   */
  async logLikelihood(images: ImageTensor, options: LikelihoodOptions = {}): Promise<LikelihoodResult> {
    return logLikelihood(this, images, parseOptions('logLikelihood', LIKELIHOOD_SCHEMA, options))
  }

  /**
   * The density of a model of points in the plane, by its exact likelihood (arXiv 2209.11178, section 3.3) at the middle of
   * every cell of a grid.
   * @throws TypeError for a model of anything else
   */
  async density(options: DensityOptions = {}): Promise<DensityResult> {
    return densityOnGrid(this, parseOptions('density', DENSITY_SCHEMA, options))
  }

  /**
   * Fills in parts of an image: samples whose denoised images have the other pixels put over them at every evaluation
   * (`onDenoised`), which end with exactly these pixels.
   * @param image one image, `[1, ...itemShape]`; what it has where it is filled in does not matter
   * @param mask likewise, or `[1, 1, height, width]` for all channels: filled in where it is above 0, or a pixel above 127
   * @param options `count`: how many times. Default 1
   * @throws TypeError for other shapes; RangeError where the mask leaves all or nothing, or images are not denoised
   */
  async fill(image: ImageTensor, mask: ImageTensor, options: KnownOptions = {}): Promise<SampleResult> {
    const parsed = parseOptions('fill', KNOWN_SCHEMA, options)
    return this.#sampleKnowing(await keptPixels(this, image, mask), parsed)
  }

  /**
   * Makes an image as large as the model's of a smaller one: samples whose denoised images are given, at every evaluation
   * (`onDenoised`), the pixels of the small one as the means of their blocks (arXiv 2212.00490), and which end with these
   * means, up to a float32's rounding.
   * @param image one image, `[1, channels, height / f, width / f]` for a whole f of at least 2
   * @param options `count`: how many times. Default 1
   * @throws TypeError for other shapes and models of points; RangeError where images are not denoised
   */
  async upscale(image: ImageTensor, options: KnownOptions = {}): Promise<SampleResult> {
    const parsed = parseOptions('upscale', KNOWN_SCHEMA, options)
    return this.#sampleKnowing(await blockMeans(this, image), parsed)
  }

  async #sampleKnowing(known: Measurement, { count = 1, ...options }: KnownOptions): Promise<SampleResult> {
    expectDenoising(this)
    const { images, ...rest } = await this.sample({ ...options, count, onDenoised: denoiserOf(known) })
    return { ...rest, images: await settled(known, images) }
  }

  /**
   * Images between two: their encodings' directions are followed along the great circle through both (slerp), the norms
   * linearly, and decoded.
   * @param a one image, `[1, ...itemShape]`; `b` likewise
   * @throws TypeError for another shape or where the two encodings are opposite
   */
  async interpolate(a: ImageTensor, b: ImageTensor, options: InterpolateOptions = {}): Promise<SampleResult> {
    return interpolate(this, a, b, parseOptions('interpolate', INTERPOLATE_SCHEMA, options))
  }
}
