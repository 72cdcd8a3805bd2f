import { basename } from 'node:path'
import { foreign, type GivenModel, printable, shown, UNKNOWN_DATA } from './converter.js'
import { type Fields, fieldsOf } from './k-diffusion-file.js'

/** What k-diffusion's config says, in this package's terms. */
export interface KDiffusionModel {
  readonly network: Fields
  readonly flow: Fields
  readonly data: string
}

/** What an image_v1 model has where its config does not say, and the range of noise that published ones have. */
const DEFAULTS: Fields = {
  patch_size: 1,
  mapping_cond_dim: 0,
  dropout_rate: 0,
  sigma_data: 1,
  sigma_min: 0.01,
  sigma_max: 80,
}

/** What must be 0: the network here is told nothing but the noise and a class, and has all of its levels. */
const NONE = ['unet_cond_dim', 'cross_cond_dim', 'skip_stages']

/**
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where it is a network that this package does not have; RangeError where there is
 *   no config, and not all of it is given
 */
export function modelOf(path: string, config: unknown, { network, flow }: GivenModel): KDiffusionModel {
  const all = fieldsOf(config)
  const [given, dataset] = [fieldsOf(all?.model), fieldsOf(all?.dataset)]
  if (given === undefined) {
    if (network === undefined || flow === undefined || !('sigmaData' in flow)) throw withoutConfig(path)
  } else {
    expectKnown(path, given, dataset?.num_classes)
  }
  const model: Fields = { ...DEFAULTS, ...given }
  return {
    network: { ...networkOf(model), ...network },
    flow: (flow?.kind ?? 'edm') === 'edm' ? { ...flowOf(model), ...flow } : { ...flow },
    data: dataOf(dataset),
  }
}

function expectKnown(path: string, model: Fields, classes: unknown): void {
  if (model.type !== 'image_v1')
    throw foreign(path, `a model of the type ${shown(model.type)}, of which it has image_v1 alone`)
  for (const key of NONE) {
    if ((model[key] ?? 0) !== 0) throw foreign(path, `an image_v1 whose ${key} is ${shown(model[key])}`)
  }
  const conditions = model.mapping_cond_dim ?? 0
  if (conditions !== 0 && conditions !== classes) {
    const received = `an image_v1 whose mapping_cond_dim is ${shown(conditions)}`
    throw foreign(path, `${received} and no number of classes (num_classes of its data)`)
  }
}

function networkOf(model: Fields): Fields {
  const { input_size: size, patch_size: patchSize } = model
  const isSquare = Array.isArray(size) && size.length === 2 && size[0] === size[1]
  return {
    kind: 'k-unet',
    channels: model.input_channels,
    imageSize: isSquare ? size[0] : size,
    ...(patchSize !== 1 && { patchSize }),
    mappingChannels: model.mapping_out,
    depths: model.depths,
    blockChannels: model.channels,
    attends: model.self_attn_depths,
    dropout: model.dropout_rate,
    labels: model.mapping_cond_dim,
  }
}

function flowOf(model: Fields): Fields {
  const density = fieldsOf(model.sigma_sample_density)
  const isNormal = density?.type === 'lognormal'
  return {
    kind: 'edm',
    sigmaMax: model.sigma_max,
    sigmaMin: model.sigma_min,
    sigmaData: model.sigma_data,
    pMean: isNormal ? (density.mean ?? density.loc) : -1.2,
    pStd: isNormal ? (density.std ?? density.scale) : 1.2,
    target: 'image',
  }
}

/** What is published has a name of its own, pictures have their folder's. */
function dataOf(dataset: Fields | undefined): string {
  const { type, location } = dataset ?? {}
  const name = type === 'mnist' || type === 'cifar10' ? type : location
  return typeof name === 'string' && name !== '' ? printable(basename(name.slice(0, 1000))) : UNKNOWN_DATA
}

function withoutConfig(path: string): RangeError {
  return new RangeError(
    `Expected network and flow, with its sigmaData, for ${path}, a checkpoint of k-diffusion without its config, but received ` +
      'none: convert it with --network and a file of {"channels": 3, "imageSize": 32, …} and --flow edm,sigmaData=0.5',
  )
}
