import { product } from '../../check.js'
import { PfgmError } from '../../errors.js'
import { entryOf, StoredTensor } from '../../files/stored-tensor.js'
import type { TensorEntry } from '../../files/tensor-file.js'
import { type TorchContent, tensorFileOf } from '../../files/torch-file.js'
import {
  type Converted,
  type Converter,
  expectNames,
  type GivenModel,
  malformed,
  UNKNOWN_DATA,
} from './converter.js'
import { scoreFlow } from './score-flows.js'
import { type SeenUnet, unetOf } from './unet-shapes.js'
import { float32Bytes, valuesOf } from './values.js'

const MODULE = /^(module\.)?all_modules\.\d+\./

/** Checkpoints of PFGM's published code and of score_sde's: a dictionary of optimizer, model, ema and step. */
export const SCORE_SDE: Converter = {
  family: 'a checkpoint of PFGM or score_sde',

  recognises: (value) => stateOf(value) !== undefined,

  async convert(content: TorchContent, given: GivenModel): Promise<Converted> {
    const { path, value } = content
    const { weights, note } = weightsOf(path, value)
    const seen = seenIn(path, weights)
    const sized = networkFor(path, seen, given)
    const flow = scoreFlow(path, seen, sized.network, given, await noiseRange(path, seen, stateOf(value)!))
    const made = flow.isFromZero ? await turned(path, weights, seen.nf) : undefined
    const centered = flow.isFromZero ? { centered: true } : {}
    return {
      config: {
        network: { ...sized.network, ...centered },
        flow: flow.settings,
        data: UNKNOWN_DATA,
        step: stepOf(value),
      },
      tensors: weights,
      ...(made && { made }),
      notes: [...note, ...sized.notes, ...flow.notes],
    }
  },
}

/** A state dictionary: that of a checkpoint, or the file itself. */
function stateOf(value: unknown): Map<unknown, unknown> | undefined {
  const inner = value instanceof Map ? value.get('model') : undefined
  return [inner, value].find((each): each is Map<unknown, unknown> => each instanceof Map && isState(each))
}

function isState(state: Map<unknown, unknown>): boolean {
  return [...state.keys()].some((key) => typeof key === 'string' && MODULE.test(key))
}

type Weights = ReadonlyMap<string, StoredTensor>

/** Weights by their names: the averaged ones, which are a list in the parameters' order. */
function weightsOf(path: string, value: unknown): { weights: Weights; note: string[] } {
  const weights = new Map<string, StoredTensor>()
  for (const [key, tensor] of stateOf(value)!) {
    const name = String(typeof key === 'string' ? key : '').replace(/^module\./, '')
    if (MODULE.test(name) && tensor instanceof StoredTensor) weights.set(name, tensor)
  }
  expectNames(path, weights.keys())
  const ema = value instanceof Map ? value.get('ema') : undefined
  const averages = ema instanceof Map ? ema.get('shadow_params') : undefined
  if (averages === undefined)
    return { weights, note: ['The file has no averaged weights: those of its last step are taken'] }
  if (!Array.isArray(averages) || !averages.every((each) => each instanceof StoredTensor))
    throw malformed(path, 'ema.shadow_params to be a list of tensors', 'something else')
  const names = [...weights.keys()]
  // Fourier features are drawn once and not trained, so that there is no average of them.
  const averaged =
    averages.length === names.length ? names : names.filter((name) => name !== 'all_modules.0.W')
  if (averages.length !== averaged.length)
    throw malformed(path, `${averaged.length} averaged weights, one a parameter,`, `${averages.length}`)
  for (const [i, name] of averaged.entries()) weights.set(name, averages[i]!)
  return { weights, note: [] }
}

function seenIn(path: string, weights: Weights): SeenUnet {
  try {
    return unetOf(new Map([...weights].map(([name, { shape }]) => [name, shape])))
  } catch (cause) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to have the tensors of a DDPM++ or NCSN++ but received ${(cause as Error).message}`,
      { cause },
    )
  }
}

/** Pixels of the level at which the published networks attend. */
const ATTENDED = 16

/** What tensors do not tell is as the published configurations have it, unless it is given. */
function networkFor(
  path: string,
  seen: SeenUnet,
  { network = {} }: GivenModel,
): { network: Record<string, unknown>; notes: string[] } {
  const { attending, output, ...told } = seen
  const [level] = attending
  const fields: Readonly<Record<string, unknown>> = network
  const usual = level !== undefined && attending.length === 1 ? ATTENDED << level : undefined
  const imageSize = fields.imageSize ?? usual
  if (imageSize === undefined) {
    throw new RangeError(
      `Expected network to have imageSize, which the tensors of ${path} do not tell, but received none: convert it with --network ` +
        'and a file of {"imageSize": 64}',
    )
  }
  const larger = Math.max(...[imageSize].flat().map(Number))
  const notes =
    fields.imageSize === undefined
      ? [
          `Images are taken to be of ${usual} x ${usual} pixels, as published networks attend at ${ATTENDED} x ${ATTENDED}`,
        ]
      : []
  return {
    network: {
      kind: 'unet',
      imageSize,
      ...told,
      attnResolutions: attending.map((each) => larger >> each),
      dropout: 0.1,
      fourierScale: 16,
      // Published DDPM++ has no filter, NCSN++ has one; BigGAN's blocks are rescaled, DDPM's are not.
      fir: seen.progressiveInput !== 'none',
      skipRescale: seen.resblock === 'biggan',
      initScale: 0,
      centered: true,
      output,
      ...fields,
    },
    notes,
  }
}

function stepOf(value: unknown): number {
  const step = value instanceof Map ? value.get('step') : undefined
  return typeof step === 'number' && Number.isInteger(step) && step >= 0 ? step : 0
}

/** More than any training has. */
const MOST_SIGMAS = 2 ** 16

/** The largest and the smallest sigma of a model that may be VE's. */
async function noiseRange(
  path: string,
  { embedding, output }: SeenUnet,
  state: Map<unknown, unknown>,
): Promise<{ sigmaMax: number; sigmaMin: number } | undefined> {
  const sigmas = state.get('module.sigmas') ?? state.get('sigmas')
  if (embedding !== 'fourier' || output !== 'image' || !(sigmas instanceof StoredTensor)) return undefined
  if (product(sigmas.shape) > MOST_SIGMAS) throw malformed(path, `at most ${MOST_SIGMAS} sigmas`, 'more')
  const { entries } = await tensorFileOf(path, new Map([['sigmas', sigmas]]))
  const values = await valuesOf(path, entries.get('sigmas')!)
  const rounded = [...values].map((value) => Number(value.toPrecision(6)))
  return rounded.length > 0 ? { sigmaMax: Math.max(...rounded), sigmaMin: Math.min(...rounded) } : undefined
}

/**
 * The layer behind the Fourier features of ln sigma, for features of ln 2 sigma: each pair of sine and cosine is turned by
 * the angle between the two. Images of [0, 1] that become those of [-1, 1] have twice the noise.
 */
async function turned(path: string, weights: Weights, nf: number): Promise<ReadonlyMap<string, TensorEntry>> {
  const name = 'all_modules.1.weight'
  const [W, layer] = ['all_modules.0.W', name].map((each) => weights.get(each))
  if (W === undefined || layer === undefined) throw malformed(path, `a tensor ${name}`, 'none')
  const entry = entryOf(path, name, layer)
  const make = async (): Promise<Uint8Array> => {
    const frequencies = await valuesOf(path, entryOf(path, 'all_modules.0.W', W))
    return float32Bytes(turn(await valuesOf(path, entry), frequencies, nf))
  }
  return new Map([[name, { ...entry, dtype: 'F32', made: make }]])
}

function turn(weights: Float64Array, frequencies: Float64Array, nf: number): Float64Array {
  const result = new Float64Array(weights.length)
  for (let row = 0; row < weights.length; row += 2 * nf) {
    for (let k = 0; k < nf; k++) {
      const angle = 2 * Math.PI * frequencies[k]! * Math.LN2
      const [sine, cosine] = [weights[row + k]!, weights[row + nf + k]!]
      result[row + k] = sine * Math.cos(angle) + cosine * Math.sin(angle)
      result[row + nf + k] = cosine * Math.cos(angle) - sine * Math.sin(angle)
    }
  }
  return result
}
