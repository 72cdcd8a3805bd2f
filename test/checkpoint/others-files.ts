import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { NetworkConfig, SongConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { golden, goldenJson, goldenPath } from '../golden.js'
import { Named, Written } from './torch-writer.js'

/** A published file of the goldens, whose weights are filled in from where they are kept. */
export function publishedFile(name: string, weights: string): Buffer {
  const bytes = gunzipSync(readFileSync(goldenPath(`others-files/${name}.gz`)))
  const file = golden(weights)
  for (const [tensor, offset] of Object.entries(
    goldenJson<Record<string, number>>(`others-files/${name}.json`),
  )) {
    const { values } = file.array(tensor)
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset)
  }
  return bytes
}

/** Values for every tensor of a network, each by its name and place. */
export async function weightsFor(config: NetworkConfig): Promise<Map<string, Written>> {
  using network = await Network.create(config)
  return new Map(
    network.parameters().map(({ name, shape }, number) => {
      const count = shape.reduce((all, side) => all * side, 1)
      const values = Float32Array.from({ length: count }, (_, i) => Math.sin(number + i) / 8)
      return [name, new Written(shape, values)]
    }),
  )
}

const isTrained = (name: string): boolean => name !== 'all_modules.0.W' && name !== 'sigmas'

/** What PFGM's published code saves, with other weights than the averaged ones beside them. */
export function scoreSdeCheckpoint(weights: ReadonlyMap<string, Written>, step = 7): object {
  const moved = ([name, { shape, values }]: [string, Written]): [string, Written] => [
    `module.${name}`,
    new Written(shape, isTrained(name) ? values.map((value) => value + 1) : values),
  ]
  const averaged = [...weights].filter(([name]) => isTrained(name))
  const lr = new Named('numpy.core.multiarray scalar', [
    new Named('numpy dtype', ['f8', false, true], [3, '<', null, null, null, -1, -1, 0]),
    new Named('_codecs encode', ['\x00\x00\x00\x00\x00\x00\xf0?', 'latin1']),
  ])
  return {
    optimizer: { state: {}, param_groups: [{ lr, betas: [0.9, 0.999] }] },
    model: new Map([...weights].map(moved)),
    ema: { decay: 0.9999, num_updates: step, shadow_params: averaged.map(([, tensor]) => tensor) },
    step,
  }
}

const SOURCE = 'raise RuntimeError("the source of a class was run")\n'

function persistent(class_name: string, state: object): Named {
  const meta = { type: 'class', version: 6, module_src: SOURCE, class_name, state }
  return new Named('torch_utils.persistence _reconstruct_persistent_obj', [meta])
}

interface Module {
  readonly tensors: Map<string, Written>
  readonly modules: Map<string, Module>
}

function tree(weights: ReadonlyMap<string, Written>): Module {
  const root: Module = { tensors: new Map(), modules: new Map() }
  for (const [name, tensor] of weights) {
    const parts = name.split('.')
    const last = parts.pop()!
    let module = root
    for (const part of parts) {
      const inner = module.modules.get(part) ?? { tensors: new Map(), modules: new Map() }
      module.modules.set(part, inner)
      module = inner
    }
    module.tensors.set(last, tensor)
  }
  return root
}

function stateOf({ tensors, modules }: Module): Record<string, unknown> {
  const parameter = (tensor: Written) => new Named('torch._utils _rebuild_parameter', [tensor, false, {}])
  return {
    training: false,
    _parameters: new Map([...tensors].map(([name, tensor]) => [name, parameter(tensor)])),
    _buffers: {},
    _modules: new Map([...modules].map(([name, inner]) => [name, pickledModule(name, inner)])),
  }
}

function pickledModule(name: string, module: Module): Named {
  return name === 'enc' || name === 'dec'
    ? new Named('torch.nn.modules.container ModuleDict', [], stateOf(module))
    : persistent('Layer', stateOf(module))
}

/** What EDM's and PFGM++'s published code writes as a snapshot. @param fields of what holds the network */
export function edmSnapshot(
  weights: ReadonlyMap<string, Written>,
  { model_type, img_channels, ...called }: Record<string, unknown>,
  fields: Record<string, unknown> = { sigma_data: 0.5 },
  precond = 'EDMPrecond',
): object {
  const network = persistent(String(model_type), { ...stateOf(tree(weights)), _init_kwargs: called })
  const modules = { _parameters: {}, _buffers: {}, _modules: { model: network } }
  const outer = { ...modules, img_channels, ...fields }
  return {
    ema: persistent(precond, outer),
    loss_fn: persistent('EDMLoss', { P_mean: -1, P_std: 1.25, opts: new Named('dnnlib.util EasyDict', []) }),
    augment_pipe: null,
    dataset_kwargs: { path: 'data/pictures.zip' },
  }
}

/** What the classes of published networks are called with. */
export function calledWith(config: SongConfig): Record<string, unknown> {
  return {
    model_type: 'SongUNet',
    img_resolution: config.imageSize,
    img_channels: config.channels,
    in_channels: config.channels,
    out_channels: config.channels,
    label_dim: config.labels,
    augment_dim: config.augment,
    model_channels: config.modelChannels,
    channel_mult: config.channelMult,
    num_blocks: config.numBlocks,
    attn_resolutions: config.attnResolutions,
    dropout: config.dropout,
    embedding_type: config.embedding,
    encoder_type: config.encoder,
    channel_mult_noise: config.channelMultNoise,
    resample_filter: config.fir ? [1, 3, 3, 1] : [1, 1],
  }
}
