import { z } from 'zod'
import { imageSize, sides } from '../arguments/image-size.js'
import { list } from '../arguments/schema.js'
import { PfgmError } from '../errors.js'
import type { NativeNetworkConfig, NetworkOutput } from '../native/network-config.js'

const size = (least: number, most: number) => z.number().int().min(least).max(most)

const channelsOfLayers = size(4, 4096).refine((value) => value % 4 === 0, { error: 'a multiple of 4' })
const multiples = list(size(1, 64), 10, 'an array of multiples').refine(({ length }) => length >= 1, {
  error: 'an array of at least one multiple',
})
const channelsOfLevels = list(size(4, 16_384), 10, 'an array of channels').refine(
  ({ length }) => length >= 1,
  {
    error: 'an array of at least one number of channels',
  },
)
const resolutions = list(size(1, 4096), 64, 'an array of resolutions')

const output = z.enum(['field', 'image']).optional()

/**
 * A DDPM++ or NCSN++ (arXiv 2011.13456) as the published PFGM configurations describe it; names follow their
 * `model` section.
 */
const unet = z.strictObject({
  /** Which network. */
  kind: z.literal('unet'),
  /** Colour channels of the images. */
  channels: size(1, 4096),
  /** Height and width, or one number for both, divisible by 2^(levels - 1). */
  imageSize: imageSize(1),
  /** Channels at full resolution, a multiple of 4. */
  nf: channelsOfLayers,
  /** Channels at each resolution, in multiples of nf; one level each. */
  chMult: multiples,
  /** Residual blocks a level on the way down; one more on the way up. */
  numResBlocks: size(1, 64),
  /** Resolutions with self-attention; of images that are not square, their larger sides. */
  attnResolutions: resolutions,
  /** Share of activations dropped in training. */
  dropout: z.number().min(0).lt(1),
  /** How z comes in: sines and cosines of z, or random Fourier features of ln z. */
  embedding: z.enum(['positional', 'fourier']),
  /** Deviation of the random Fourier frequencies. */
  fourierScale: z.number().positive(),
  /** Resample with the (1, 3, 3, 1) filter instead of averaging and copying. */
  fir: z.boolean(),
  /**
   * How the shrunken input joins in at every resolution: the input itself (`input_skip`), or with all that it joined in
   * with before (`residual`).
   */
  progressiveInput: z.enum(['none', 'input_skip', 'residual']),
  /** Whether `input_skip` adds the input or concatenates it. `sum` where not given. */
  progressiveCombine: z.enum(['sum', 'cat']).optional(),
  /** The residual blocks: BigGAN's, where not given, or DDPM's, beside which other layers change the size. */
  resblock: z.enum(['biggan', 'ddpm']).optional(),
  /** Whether the layers that change the size beside `ddpm` blocks convolve. They do where it is not given. */
  resampWithConv: z.boolean().optional(),
  /** Divide sums of two branches by sqrt(2). */
  skipRescale: z.boolean(),
  /** Scale of the last layers' initial weights. */
  initScale: z.number().min(0),
  /** Whether the data lies in [-1, 1]; otherwise in [0, 1]. */
  centered: z.boolean(),
  /** Classes that it tells apart: none where not given. */
  labels: size(0, 65536).optional(),
  /** What it gives: the `field` (v_x, v_z) of a Poisson flow, where not given, or an `image`, as the other flows need. */
  output,
})

/** What both networks of EDM (arXiv 2206.00364) and PFGM++ have, named as in EDM. They give images. */
const edmUnet = {
  /** Colour channels of the images. */
  channels: size(1, 4096),
  /** Height and width, or one number for both, divisible by 2^(levels - 1). */
  imageSize: imageSize(1),
  /** Classes; 0: none. */
  labels: size(0, 65536),
  /** Labels of augmented training, whose weights are kept; 0: none. */
  augment: size(0, 4096),
  /** Channels at full resolution, in multiples of which the others are. */
  modelChannels: channelsOfLayers,
  /** Channels at each resolution, in multiples of modelChannels; one level each. */
  channelMult: multiples,
  /** Residual blocks a level on the way down; one more on the way up. */
  numBlocks: size(1, 64),
  /** Resolutions with self-attention; of images that are not square, their larger sides. */
  attnResolutions: resolutions,
  /** Share of activations dropped in training. */
  dropout: z.number().min(0).lt(1),
}

/** SongUNet: DDPM++ (positional, standard) or NCSN++ (fourier, residual, fir). */
const song = z.strictObject({
  /** Which network. */
  kind: z.literal('song'),
  ...edmUnet,
  /** How the noise comes in: sines and cosines of it, or random Fourier features. */
  embedding: z.enum(['positional', 'fourier']),
  /** Channels of the noise's embedding, in multiples of modelChannels. */
  channelMultNoise: size(1, 64),
  /** Whether the shrunken input joins in at every resolution. */
  encoder: z.enum(['standard', 'residual']),
  /** Resample with the (1, 3, 3, 1) filter instead of averaging and copying. */
  fir: z.boolean(),
})

/** DhariwalUNet: ADM. */
const dhariwal = z.strictObject({
  /** Which network. */
  kind: z.literal('dhariwal'),
  ...edmUnet,
})

/** DDPM's U-Net (arXiv 2006.11239) as diffusers has it, UNet2DModel, named as there. It gives images: the noise, to be used with `vp`. */
const ddpm = z.strictObject({
  /** Which network. */
  kind: z.literal('ddpm'),
  /** Colour channels of the images. */
  channels: size(1, 4096),
  /** Height and width, or one number for both, divisible by 2^(levels - 1). */
  imageSize: imageSize(1),
  /** Channels at each resolution, multiples of 4; one level each. */
  blockChannels: channelsOfLevels,
  /** Residual blocks a level on the way down; one more on the way up. */
  layersPerBlock: size(1, 64),
  /** Resolutions with self-attention after every block; of images that are not square, their larger sides. */
  attnResolutions: resolutions,
  /** Channels of an attention's head: one head has all where not given. */
  headChannels: size(1, 4096).optional(),
  /** Groups of channels that are normalised together. */
  normGroups: size(1, 4096),
  /** What is added to the variance in normalising. */
  normEpsilon: z.number().positive().max(1),
  /** Zeros on every side of what is halved; 0: on the right and below alone. */
  downsamplePadding: size(0, 1),
  /** Whether cosines of the noise's step go before its sines. */
  cosinesFirst: z.boolean(),
  /** The lowest of n frequencies is 10000 to the power -(n - 1) / (n - shift). */
  frequencyShift: z.number().min(0).max(1),
  /** Share of activations dropped in training. */
  dropout: z.number().min(0).lt(1),
  /** Classes that it tells apart: none where not given. */
  labels: size(0, 65536).optional(),
})

/** The U-Net of k-diffusion's image_v1 models. It gives images, to be used with `edm`. */
const kUnet = z
  .strictObject({
    /** Which network. */
    kind: z.literal('k-unet'),
    /** Colour channels of the images. */
    channels: size(1, 4096),
    /** Height and width, or one number for both, divisible by patchSize 2^(levels - 1), and twice that where there are levels. */
    imageSize: imageSize(1),
    /** Squares of so many pixels a side are taken for one: single pixels where not given. */
    patchSize: size(1, 64).optional(),
    /** Channels of what the noise is told by, a multiple of 2. */
    mappingChannels: size(2, 16_384).refine((value) => value % 2 === 0, { error: 'a multiple of 2' }),
    /** Residual blocks of each level, on either way. */
    depths: list(size(1, 64), 10, 'an array of depths'),
    /** Channels at each resolution; one level each. */
    blockChannels: channelsOfLevels,
    /** Whether each level's blocks are followed by self-attention. */
    attends: list(z.boolean(), 10, 'an array of booleans'),
    /** Share of the blocks' channels dropped in training. */
    dropout: z.number().min(0).lt(1),
    /** Classes that it tells apart: none where not given. */
    labels: size(0, 65536).optional(),
  })
  .refine(
    ({ depths, blockChannels, attends }) =>
      depths.length === blockChannels.length && attends.length === blockChannels.length,
    { path: ['blockChannels'], error: 'as many levels as depths and attends have' },
  )

/** The network of NCSNv2 (arXiv 2006.09011), a RefineNet: weaker than the others. */
const refinenet = z.strictObject({
  /** Which network. */
  kind: z.literal('refinenet'),
  /** Colour channels of the images. */
  channels: size(1, 4096),
  /** Height and width, or one number for both, divisible by 2. */
  imageSize: imageSize(2),
  /** Channels at full resolution, a multiple of 4. */
  nf: channelsOfLayers,
  /** What it gives: the `field` (v_x, v_z) of a Poisson flow, where not given, or an `image`, as the other flows need. */
  output,
})

/** A residual fully connected network for points. */
const mlp = z.strictObject({
  /** Which network. */
  kind: z.literal('mlp'),
  /** Numbers of a point. */
  dimensions: size(1, 65536),
  /** Numbers of a layer. */
  width: size(4, 16384),
  /** Residual blocks of two layers. */
  depth: size(1, 64),
  /** What it gives: the `field` (v_x, v_z) of a Poisson flow, where not given, or an `image`, as the other flows need. */
  output,
})

/** One number for all Gaussians, or one for each. */
const each = (number: z.ZodNumber) =>
  z.union([number, list(number, 4096, 'an array of numbers')], { error: 'a number or an array of numbers' })

/**
 * The exact field or denoiser of a mixture of isotropic Gaussians: nothing to train, its parameters are the centres. For
 * what must be compared with the truth.
 */
const gaussians = z
  .strictObject({
    /** Which network. */
    kind: z.literal('gaussians'),
    /** Numbers of a point. */
    dimensions: size(1, 65536),
    /** How many Gaussians. */
    components: size(1, 4096),
    /** Standard deviation of each Gaussian; 0 makes points of them. */
    deviation: each(z.number().min(0)),
    /** How much of the data each Gaussian has, in any unit. Alike where not given. */
    weights: each(z.number().positive()).optional(),
    /** Softens the normalised field: the flow's own gamma. */
    gamma: z.number().min(0),
    /** What it gives: the `field` of a Poisson flow, where not given, or the `denoised` image. */
    output: z.enum(['field', 'denoised']).optional(),
    /** Of a denoiser: extra dimensions of the flow's kernel. Infinitely many, where not given: Gaussian noise. */
    D: z.number().min(1).optional(),
  })
  .refine(({ components, deviation, weights }) => fits(deviation, components) && fits(weights, components), {
    path: ['components'],
    error: 'as many as deviation and weights have numbers',
  })

const fits = (given: number | readonly number[] | undefined, components: number): boolean =>
  !Array.isArray(given) || given.length === components

/** The zod schema of any network: fills in nothing, and says what is wrong. */
export const networkConfigSchema: z.ZodType<NetworkConfig> = z.discriminatedUnion('kind', [
  unet,
  song,
  dhariwal,
  ddpm,
  kUnet,
  refinenet,
  mlp,
  gaussians,
])

/**
 * A DDPM++ or NCSN++ (arXiv 2011.13456), as the published PFGM configurations describe it.
 * @interface
 */
export type UnetConfig = Readonly<z.infer<typeof unet>>
/**
 * The RefineNet of NCSNv2 (arXiv 2006.09011), weaker than the others.
 * @interface
 */
export type RefinenetConfig = Readonly<z.infer<typeof refinenet>>
/**
 * A residual fully connected network for points.
 * @interface
 */
export type MlpConfig = Readonly<z.infer<typeof mlp>>
/**
 * The exact field or denoiser of a mixture of isotropic Gaussians.
 * @interface
 */
export type GaussiansConfig = Readonly<z.infer<typeof gaussians>>
/**
 * SongUNet of EDM (arXiv 2206.00364): DDPM++ or NCSN++, named as there.
 * @interface
 */
export type SongConfig = Readonly<z.infer<typeof song>>
/**
 * DhariwalUNet of EDM (arXiv 2206.00364): ADM (arXiv 2105.05233), named as there.
 * @interface
 */
export type DhariwalConfig = Readonly<z.infer<typeof dhariwal>>
/**
 * DDPM's U-Net (arXiv 2006.11239) as UNet2DModel of diffusers has it.
 * @interface
 */
export type DdpmConfig = Readonly<z.infer<typeof ddpm>>
/**
 * The U-Net of k-diffusion's image_v1 models.
 * @interface
 */
export type KUnetConfig = Readonly<z.infer<typeof kUnet>>
/** A network, by its `kind`. */
export type NetworkConfig =
  | UnetConfig
  | SongConfig
  | DhariwalConfig
  | DdpmConfig
  | KUnetConfig
  | RefinenetConfig
  | MlpConfig
  | GaussiansConfig

/** The shape of one item that a network takes. */
export function itemShape(config: NetworkConfig): number[] {
  return 'channels' in config ? [config.channels, ...sides(config.imageSize)] : [config.dimensions]
}

/** How many classes it tells apart; 0: it takes no labels. A mixture's are its Gaussians. */
export function classesOf(config: NetworkConfig): number {
  if (config.kind === 'gaussians') return config.components
  return 'labels' in config ? (config.labels ?? 0) : 0
}

const GIVING_IMAGES: ReadonlySet<NetworkConfig['kind']> = new Set(['song', 'dhariwal', 'ddpm', 'k-unet'])

/** What a network gives. */
export function outputOf(config: NetworkConfig): NetworkOutput {
  return GIVING_IMAGES.has(config.kind) ? 'image' : ((config as UnetConfig).output ?? 'field')
}

/** @internal */
export function toNative(config: NetworkConfig): NativeNetworkConfig {
  if (config.kind === 'mlp') return config
  if (config.kind === 'gaussians') {
    const { deviation, weights = 1, D, ...rest } = config
    const ofEach = (given: number | readonly number[]) =>
      typeof given === 'number' ? new Array<number>(config.components).fill(given) : given
    const kernel = config.output === 'denoised' ? (D ?? Number.POSITIVE_INFINITY) : 1
    return { ...rest, deviations: ofEach(deviation), weights: ofEach(weights), D: kernel }
  }
  const bothSides = sides(config.imageSize)
  if (config.kind === 'refinenet') return { ...config, imageSize: bothSides }
  if (config.kind === 'ddpm') {
    const { headChannels = 0, labels = 0, ...rest } = config
    return { ...rest, imageSize: bothSides, headChannels, labels }
  }
  if (config.kind === 'k-unet') {
    const { patchSize = 1, attends, labels = 0, ...rest } = config
    return { ...rest, imageSize: bothSides, patchSize, attends: attends.map(Number), labels }
  }
  if (config.kind === 'dhariwal') {
    return {
      ...config,
      imageSize: bothSides,
      channelMultNoise: 1,
      fourier: false,
      residualEncoder: false,
      fir: false,
    }
  }
  if (config.kind === 'song') {
    const { embedding, encoder, ...rest } = config
    return {
      ...rest,
      imageSize: bothSides,
      fourier: embedding === 'fourier',
      residualEncoder: encoder === 'residual',
    }
  }
  const { embedding, progressiveCombine, resblock, resampWithConv = true, labels = 0, ...rest } = config
  return {
    ...rest,
    imageSize: bothSides,
    fourier: embedding === 'fourier',
    progressiveCat: progressiveCombine === 'cat',
    ddpmBlocks: resblock === 'ddpm',
    resampWithConv,
    labels,
  }
}

/** @throws PfgmError `ERR_PFGM_CHECKPOINT` that says in which fields the two differ */
export function expectSameNetwork(expected: NetworkConfig, received: NetworkConfig, where: string): void {
  const fields = new Set([...Object.keys(expected), ...Object.keys(received)])
  const differences = [...fields].flatMap((field) => {
    const wanted = JSON.stringify(expected[field as keyof NetworkConfig])
    const came = JSON.stringify(received[field as keyof NetworkConfig])
    return wanted === came ? [] : [`${field} ${wanted} but received ${came}`]
  })
  if (differences.length > 0) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `${where} is of another architecture: expected ${differences.join(', ')}`,
    )
  }
}
