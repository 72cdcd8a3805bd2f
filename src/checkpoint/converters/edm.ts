import { basename } from 'node:path'
import { sides } from '../../arguments/image-size.js'
import { PfgmError } from '../../errors.js'
import { PickledObject } from '../../files/pickle.js'
import { reason } from '../../files/read.js'
import type { StoredTensor } from '../../files/stored-tensor.js'
import type { TorchContent } from '../../files/torch-file.js'
import type { NetworkConfig } from '../../nn/config.js'
import {
  type Converted,
  type Converter,
  expectNames,
  type GivenModel,
  malformed,
  printable,
  UNKNOWN_DATA,
} from './converter.js'
import { Fields, tensorsOf } from './edm-modules.js'

/** Snapshots (`network-snapshot-*.pkl`) and states of trainings (`training-state-*.pt`) of EDM and PFGM++: their `ema`. */
export const EDM_SNAPSHOT: Converter = {
  family: 'a snapshot of EDM or PFGM++',

  recognises: (value) => value instanceof Map && value.get('ema') instanceof PickledObject,

  convert({ path, value }: TorchContent, given: GivenModel): Converted {
    const snapshot = value as Map<string, unknown>
    const ema = snapshot.get('ema') as PickledObject
    const outer = new Fields(ema)
    const inner = outer.module('model')
    if (inner === undefined) throw malformed(path, 'a network within ema', 'none')
    const loss = snapshot.get('loss_fn')
    const flow = flowOf(path, ema.name, outer, loss instanceof PickledObject ? new Fields(loss) : undefined)
    const tensors = weightsOf(path, inner)
    return {
      config: {
        network: { ...networkOf(path, inner, outer), ...given.network },
        // Settings of a flow of another kind are none of this one's.
        flow: (given.flow?.kind ?? flow.kind) === flow.kind ? { ...flow, ...given.flow } : { ...given.flow },
        data: dataOf(snapshot.get('dataset_kwargs')),
        step: 0,
      },
      tensors,
      expectFits: (network) => expectSizes(path, network, tensors),
      notes: [],
    }
  },
}

/** Filters of resampling are what `fir` says. */
function weightsOf(path: string, network: PickledObject): Map<string, StoredTensor> {
  const weights = namedTensors(path, network).filter(([name]) => !name.endsWith('.resample_filter'))
  expectNames(
    path,
    weights.map(([name]) => name),
  )
  return new Map(weights)
}

function namedTensors(path: string, network: PickledObject): [string, StoredTensor][] {
  try {
    return [...tensorsOf(network)]
  } catch (cause) {
    throw malformed(path, 'the modules of a network', reason(cause))
  }
}

/** Whether the levels have the channels and the blocks that the network's settings say. */
function expectSizes(path: string, network: NetworkConfig, tensors: ReadonlyMap<string, StoredTensor>): void {
  if (network.kind !== 'song' && network.kind !== 'dhariwal')
    throw foreign(path, `a network of kind ${network.kind}`)
  const { modelChannels, channelMult, numBlocks, imageSize } = network
  const noise = modelChannels * (network.kind === 'song' ? network.channelMultNoise : 1)
  const [height, width] = sides(imageSize)
  const wanted = new Map([['map_layer0.weight', [4 * modelChannels, noise]]])
  for (const [level, multiple] of channelMult.entries()) {
    const name = `enc.${height >> level}x${width >> level}_block${numBlocks - 1}.conv1.weight`
    wanted.set(name, [multiple * modelChannels, multiple * modelChannels, 3, 3])
  }
  for (const [name, shape] of wanted) {
    const received = tensors.get(name)?.shape
    if (received?.join() === shape.join()) continue
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to have a tensor model.${name} of [${shape.join(', ')}], as its network's settings say, but received ` +
        (received ? `[${received.join(', ')}]` : 'none'),
    )
  }
}

/** What the two classes of networks have where they are not told otherwise. */
const DEFAULTS = {
  SongUNet: { modelChannels: 128, channelMult: [1, 2, 2, 2], numBlocks: 4, attnResolutions: [16] },
  DhariwalUNet: { modelChannels: 192, channelMult: [1, 2, 3, 4], numBlocks: 3, attnResolutions: [32, 16, 8] },
} as const

function networkOf(path: string, object: PickledObject, outer: Fields): Record<string, unknown> {
  const fields = new Fields(object)
  const { name } = object
  if (name !== 'SongUNet' && name !== 'DhariwalUNet') throw foreign(path, `a network ${printable(name)}`)
  const get = (key: string, otherwise: unknown): unknown => fields.get(key, outer.get(key, otherwise))
  const expect = (key: string, only: unknown): void => {
    const value = get(key, only)
    if (value !== only)
      throw foreign(path, `a ${name} whose ${key} is ${shown(value)} in place of ${shown(only)}`)
  }
  expect('channel_mult_emb', 4)
  if (get('img_channels', undefined) !== get('out_channels', get('img_channels', undefined)))
    throw foreign(path, `a ${name} that gives other channels than it takes`)
  const defaults = DEFAULTS[name]
  const shared = {
    channels: get('img_channels', undefined),
    imageSize: get('img_resolution', undefined),
    labels: get('label_dim', 0),
    augment: get('augment_dim', 0),
    modelChannels: get('model_channels', defaults.modelChannels),
    channelMult: get('channel_mult', defaults.channelMult),
    numBlocks: get('num_blocks', defaults.numBlocks),
    attnResolutions: get('attn_resolutions', defaults.attnResolutions),
    dropout: get('dropout', 0.1),
  }
  if (name === 'DhariwalUNet') return { kind: 'dhariwal', ...shared }
  expect('decoder_type', 'standard')
  return {
    kind: 'song',
    ...shared,
    embedding: get('embedding_type', 'positional'),
    channelMultNoise: get('channel_mult_noise', 1),
    encoder: get('encoder_type', 'standard'),
    fir: hasFilter(path, get('resample_filter', [1, 1])),
  }
}

function hasFilter(path: string, filter: unknown): boolean {
  const taps = Array.isArray(filter) ? filter.map(shown).join().slice(0, 100) : shown(filter)
  if (taps !== '1,1' && taps !== '1,3,3,1')
    throw foreign(path, `a SongUNet whose resample_filter is [${taps}]`)
  return taps === '1,3,3,1'
}

/** The flow that a preconditioning is of. */
function flowOf(
  path: string,
  name: string,
  outer: Fields,
  loss: Fields | undefined,
): Record<string, unknown> & { kind: string } {
  if (name === 'VPPrecond') {
    const [betaMin, betaD] = [outer.get('beta_min', 0.1), outer.get('beta_d', 19.9)]
    if (typeof betaMin !== 'number' || typeof betaD !== 'number')
      throw malformed(path, 'beta_min and beta_d to be numbers', `${shown(betaMin)} and ${shown(betaD)}`)
    const steps = outer.get('M', 1000)
    if (steps !== 1000) throw foreign(path, `a VPPrecond of ${shown(steps)} steps in place of 1000`)
    const betas = { betaMin, betaMax: Number((betaMin + betaD).toPrecision(12)), tMin: 1e-3 }
    return { kind: 'vp', ...betas, likelihoodWeighting: false, target: 'image' }
  }
  if (name !== 'EDMPrecond') throw foreign(path, `a network in ${printable(name)}`)
  const shared = {
    sigmaMax: 80,
    sigmaMin: 0.002,
    sigmaData: outer.get('sigma_data', 0.5),
    pMean: loss?.get('P_mean') ?? -1.2,
    pStd: loss?.get('P_std') ?? 1.2,
    target: 'image',
  }
  if (outer.get('pfgmpp', false) !== true) return { kind: 'edm', ...shared }
  return { kind: 'pfgmpp', D: outer.get('D'), draw: 'published', ...shared }
}

function dataOf(dataset: unknown): string {
  const path: unknown = dataset instanceof Map ? dataset.get('path') : undefined
  return typeof path === 'string' && path !== '' ? printable(basename(path.slice(0, 1000))) : UNKNOWN_DATA
}

function foreign(path: string, received: string): PfgmError {
  return new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected ${path} to hold a network and flow of this package but received ${received}, which it does not have`,
  )
}

function shown(value: unknown): string {
  return typeof value === 'string'
    ? printable(value)
    : typeof value === 'number'
      ? String(value)
      : typeof value
}
