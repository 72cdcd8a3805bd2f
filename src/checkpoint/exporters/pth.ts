import { type Picklable, Tuple } from '../../files/pickle-writer.js'
import { orderedMap, TorchWriter } from '../../files/torch-writer.js'
import type { NetworkConfig, UnetConfig } from '../../nn/config.js'
import type { Exporter } from './exporter.js'
import { type TrainingState, trainingState } from './training-state.js'

/**
 * A checkpoint of the published code of PFGM and score_sde: a dictionary of `optimizer`, `model` (names with `module.`
 * before them), `ema` (averaged weights, in the order of the parameters) and `step`.
 */
export const PTH: Exporter = {
  format: 'pth',
  extension: '.pth',
  help: 'a checkpoint that the published code of PFGM and of score_sde loads',
  async write(model, path) {
    const { labels = 0 } = expectPublished(model.network.config)
    const state = await trainingState(model)
    const writer = new TorchWriter()
    const { flow } = model.config
    const noise = {
      ...NOISE,
      ...(flow.kind === 've' && { sigmaMin: flow.sigmaMin, sigmaMax: flow.sigmaMax }),
    }
    await writer.write(path, checkpoint(writer, { ...state, parameters: published(state) }, noise))
    return [
      ...(labels === 0
        ? []
        : [
            `${path} has no classes, which the published code does not know: it is the network without a label`,
          ]),
      ...(state.isWhole
        ? []
        : [
            `${path} has no moments of Adam to train on with: a checkpoint of a run has them, without --ema-rate`,
          ]),
    ]
  },
}

/** Without what only this package's networks have. */
const published = ({ parameters }: TrainingState) =>
  parameters.filter(({ name }) => name !== 'map_label.weight')

const dictionary = (items: Readonly<Record<string, Picklable>>) => new Map(Object.entries(items))

function checkpoint(
  writer: TorchWriter,
  { parameters, step, emaRate, learningRate }: TrainingState,
  noise: typeof NOISE,
): Picklable {
  const stored = new Map<Uint8Array, Picklable>()
  /** Weights that are their own average are stored once. */
  const tensor = (shape: readonly number[], bytes: Uint8Array): Picklable => {
    const made = stored.get(bytes) ?? writer.tensor({ dtype: 'F32', shape, bytes })
    stored.set(bytes, made)
    return made
  }
  const steps = new Uint8Array(Float32Array.of(step).buffer)
  /** One each, as Adam counts them up in place. */
  const steppedTo = () => writer.tensor({ dtype: 'F32', shape: [], bytes: steps })
  const moments = parameters.flatMap(({ shape, adam }, i): [number, Picklable][] => {
    if (adam === undefined) return []
    const [exp_avg, exp_avg_sq] = [adam.first, adam.second].map((bytes) => tensor(shape, bytes))
    return [[i, dictionary({ step: steppedTo(), exp_avg: exp_avg!, exp_avg_sq: exp_avg_sq! })]]
  })
  const named = parameters.map(({ name, shape, bytes }): [string, Picklable] => [
    `module.${name}`,
    tensor(shape, bytes),
  ])
  const averages = parameters.flatMap(({ shape, average }) => (average ? [tensor(shape, average)] : []))
  return dictionary({
    optimizer: dictionary({
      state: new Map(moments),
      param_groups: [adamGroup(learningRate, parameters.length)],
    }),
    model: orderedMap(new Map([['module.sigmas', noiseLevels(writer, noise)], ...named])),
    ema: dictionary({ decay: emaRate, num_updates: step, shadow_params: averages }),
    step,
  })
}

/** As `state_dict` of Adam has it, with the settings that both codes train with; what is left out has its default there. */
function adamGroup(learningRate: number, parameters: number): Picklable {
  return dictionary({
    lr: learningRate,
    betas: new Tuple(0.9, 0.999),
    eps: 1e-8,
    weight_decay: 0,
    amsgrad: false,
    params: Array.from({ length: parameters }, (_, i) => i),
  })
}

/** Of the published configurations. */
const NOISE = { sigmaMin: 0.01, sigmaMax: 50, count: 1000 }

/** A buffer of the published class, geometrical from the largest on: what VE's noise is between. */
function noiseLevels(writer: TorchWriter, { sigmaMin, sigmaMax, count }: typeof NOISE): Picklable {
  const range = Math.log(sigmaMin / sigmaMax)
  const levels = Float64Array.from(
    { length: count },
    (_, i) => sigmaMax * Math.exp((range * i) / (count - 1)),
  )
  return writer.tensor({ dtype: 'F64', shape: [count], bytes: new Uint8Array(levels.buffer) })
}

function expectPublished(config: NetworkConfig): UnetConfig {
  if (config.kind === 'unet') return config
  throw new RangeError(
    `Expected a network of kind unet for the format pth, as the published code of PFGM has, but received one of kind ${config.kind}: use safetensors or onnx`,
  )
}
