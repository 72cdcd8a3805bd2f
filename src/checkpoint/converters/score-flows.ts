import { product } from '../../check.js'
import { PUBLISHED } from '../../flow/pfgm.js'
import type { GivenModel } from './converter.js'
import type { SeenUnet } from './unet-shapes.js'

/** A flow, and what was taken as is usual. */
export interface FoundFlow {
  readonly settings: Readonly<Record<string, unknown>>
  /** Whether the model's images are in [0, 1], and are to become those of [-1, 1]. */
  readonly isFromZero: boolean
  readonly notes: readonly string[]
}

/** What the published configurations derived from their data, by the shape of an item. */
const POISSON: Readonly<Record<string, { M: number; zMax: number; upperNorm: number }>> = {
  '3,32,32': { M: 291, zMax: 40, upperNorm: 3000 },
}

const SDE = { likelihoodWeighting: false, target: 'image' }
const BETA = { betaMin: 0.1, betaMax: 20, tMin: 1e-3, ...SDE }

/**
 * The flow that a network of PFGM or score_sde was trained for: a field is Poisson's, and of an image Fourier features are
 * those of VE.
 * @param range of the sigmas that the file has, for images in [0, 1]
 * @throws RangeError where the file does not tell it
 */
export function scoreFlow(
  path: string,
  seen: SeenUnet,
  network: Readonly<Record<string, unknown>>,
  { flow, network: fields }: GivenModel,
  range: { sigmaMin: number; sigmaMax: number } | undefined,
): FoundFlow {
  const settings: Readonly<Record<string, unknown>> = { ...flow }
  const kind = settings.kind ?? (flow && 'pfgm')
  if (seen.output === 'field') return poisson(path, seen.channels, network, settings)
  if (kind === undefined && seen.embedding === 'positional') throw untold(path, seen)
  if (kind === 'vp' || kind === 'subvp')
    return { settings: { ...BETA, ...settings }, isFromZero: false, notes: [] }
  if (kind !== undefined && kind !== 've') return { settings, isFromZero: false, notes: [] }
  const isFromZero = (fields as { centered?: boolean } | undefined)?.centered !== true
  const scale = isFromZero ? 2 : 1
  const { sigmaMin, sigmaMax } = range ?? { sigmaMin: 0.01, sigmaMax: 50 }
  return {
    settings: {
      kind: 've',
      sigmaMin: scale * sigmaMin,
      sigmaMax: scale * sigmaMax,
      tMin: 1e-5,
      ...SDE,
      ...settings,
    },
    isFromZero,
    notes: isFromZero
      ? [
          'Its images are taken to be in [0, 1], as published: they become those of [-1, 1], all_modules.1.weight and sigmas with them',
        ]
      : [],
  }
}

function poisson(
  path: string,
  channels: number,
  { imageSize }: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): FoundFlow {
  const [height, width = height] = [imageSize].flat() as number[]
  const shape = [channels, height!, width!]
  const usual = POISSON[shape.join()]
  const settings = { kind: 'pfgm', ...PUBLISHED, ...usual, ...given }
  const missing = ['M', 'zMax', 'upperNorm'].filter((name) => !(name in settings))
  if (missing.length > 0) {
    throw new RangeError(
      `Expected flow to have ${missing.join(', ')}, which ${path} does not say for ${product(shape)} values an image, but received ` +
        'none: convert it with --flow pfgm,M=…,zMax=…,upperNorm=… as its training was configured',
    )
  }
  const taken = Object.entries(usual ?? {}).filter(([name]) => !(name in given))
  const values = taken.map(([name, value]) => `${name} ${value}`).join(', ')
  const notes = taken.length > 0 ? [`${values} are taken, those of CIFAR-10`] : []
  return { settings, isFromZero: false, notes }
}

function untold(path: string, seen: SeenUnet): RangeError {
  const others =
    seen.progressiveInput === 'none'
      ? ''
      : ' (or of an NCSN++ that is told the numbers of discrete noise levels: there is no such flow here)'
  return new RangeError(
    `Expected flow to be vp or subvp but received none: the tensors of ${path} are those of both${others}, convert it with --flow vp or --flow subvp`,
  )
}
