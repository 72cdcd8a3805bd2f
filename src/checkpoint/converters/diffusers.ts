import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PfgmError } from '../../errors.js'
import { lookAt } from '../../files/read.js'
import type { StoredTensor } from '../../files/stored-tensor.js'
import { tensorsIn } from '../../files/stored-tensor.js'
import type { TensorEntry, TensorFile } from '../../files/tensor-file.js'
import { readTorchContent, tensorFileOf } from '../../files/torch-file.js'
import type { NetworkConfig } from '../../nn/config.js'
import { readHeader } from '../safetensors.js'
import {
  type Converted,
  type Converter,
  foreign,
  type GivenModel,
  malformed,
  printable,
  shown,
  UNKNOWN_DATA,
} from './converter.js'
import { betasOf } from './diffusers-betas.js'
import { float32Bytes, valuesOf } from './values.js'

type Config = Readonly<Record<string, unknown>>

/** A folder that diffusers wrote: a network, or a pipeline's, which has the schedule of its noise beside it. */
export class DiffusersFolder {
  /** Where the network's files are. */
  readonly folder: string
  readonly config: Config
  readonly scheduler: Config | undefined

  constructor(folder: string, config: Config, scheduler: Config | undefined) {
    this.folder = folder
    this.config = config
    this.scheduler = scheduler
  }
}

/** A network's folder, or that of a pipeline with one in `unet/`; undefined where it is another folder. */
export async function diffusersFolder(path: string): Promise<DiffusersFolder | undefined> {
  for (const folder of [path, join(path, 'unet')]) {
    const config = await readObject(join(folder, 'config.json'))
    if (typeof config?._class_name !== 'string') continue
    const scheduler =
      (await readScheduler(join(path, 'scheduler', 'scheduler_config.json'))) ??
      (await readScheduler(join(path, 'scheduler_config.json')))
    return new DiffusersFolder(folder, config, scheduler)
  }
  return undefined
}

async function readObject(file: string): Promise<Config | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'))
    return typeof content === 'object' && content !== null ? (content as Config) : undefined
  } catch {
    return undefined
  }
}

/** @throws PfgmError `ERR_PFGM_DATA` where there is a file of something else */
async function readScheduler(file: string): Promise<Config | undefined> {
  if ((await lookAt(file)) === undefined) return undefined
  const config = await readObject(file)
  if (config === undefined) throw malformed(file, 'the settings of a scheduler', 'other content')
  return config
}

/** Folders of diffusers with a UNet2DModel that gives the noise of DDPM. */
export const DIFFUSERS: Converter = {
  family: 'a folder of diffusers',

  recognises: (value) => value instanceof DiffusersFolder,

  async convert({ path, value }, given: GivenModel): Promise<Converted> {
    const { folder, config, scheduler } = value as DiffusersFolder
    const network = networkOf(path, config, given.network)
    const isGiven = given.flow !== undefined && 'betaMin' in given.flow && 'betaMax' in given.flow
    const flow = {
      kind: 'vp',
      ...(isGiven ? {} : betasOf(path, scheduler)),
      tMin: 1e-3,
      likelihoodWeighting: false,
      target: 'image',
    }
    const { file, made } = await weightsOf(path, folder)
    return {
      config: {
        network,
        flow:
          given.flow === undefined || given.flow.kind === 'vp'
            ? { ...flow, ...given.flow }
            : { ...given.flow },
        data: UNKNOWN_DATA,
        step: 0,
      },
      tensors: new Map(),
      file,
      ...(made && { made }),
      expectFits: (built) => expectSizes(path, built, file),
      notes: scheduler
        ? []
        : ["The folder has no scheduler: DDPM's linear betas from 0.0001 to 0.02 in 1000 steps are taken"],
    }
  },
}

/** What UNet2DModel is called with where it is not told otherwise. */
const DEFAULTS: Config = {
  in_channels: 3,
  out_channels: 3,
  freq_shift: 0,
  flip_sin_to_cos: true,
  down_block_types: ['DownBlock2D', 'AttnDownBlock2D', 'AttnDownBlock2D', 'AttnDownBlock2D'],
  up_block_types: ['AttnUpBlock2D', 'AttnUpBlock2D', 'AttnUpBlock2D', 'UpBlock2D'],
  block_out_channels: [224, 448, 672, 896],
  layers_per_block: 2,
  downsample_padding: 1,
  dropout: 0,
  attention_head_dim: 8,
  norm_num_groups: 32,
  norm_eps: 1e-5,
}

/** What must be as it usually is: the network here has nothing else. */
const ONLY: Config = {
  center_input_sample: false,
  time_embedding_type: 'positional',
  time_embedding_dim: null,
  mid_block_type: 'UNetMidBlock2D',
  mid_block_scale_factor: 1,
  downsample_type: 'conv',
  upsample_type: 'conv',
  act_fn: 'silu',
  attn_norm_num_groups: null,
  resnet_time_scale_shift: 'default',
  add_attention: true,
  class_embed_type: null,
}

function networkOf(path: string, config: Config, given: GivenModel['network'] = {}): Record<string, unknown> {
  if (config._class_name !== 'UNet2DModel')
    throw foreign(path, `the ${printable(String(config._class_name))} of diffusers`)
  const get = (key: string): unknown => config[key] ?? (key in config ? null : DEFAULTS[key])
  for (const [key, only] of Object.entries(ONLY)) {
    const value = config[key] ?? null
    // Of either name.
    if (key === 'act_fn' && value === 'swish') continue
    if (key in config && value !== only)
      throw foreign(path, `a UNet2DModel whose ${key} is ${shown(value)} in place of ${shown(only)}`)
  }
  if (get('in_channels') !== get('out_channels'))
    throw foreign(path, 'a UNet2DModel that gives other channels than it takes')
  const imageSize = 'imageSize' in given ? given.imageSize : (get('sample_size') ?? undefined)
  const blockChannels = get('block_out_channels')
  return {
    kind: 'ddpm',
    channels: get('in_channels'),
    imageSize,
    blockChannels,
    layersPerBlock: get('layers_per_block'),
    attnResolutions: attendingOf(path, get('down_block_types'), get('up_block_types')).map(
      (level) => Math.max(...[imageSize].flat().map(Number)) >> level,
    ),
    ...(get('attention_head_dim') !== null && { headChannels: get('attention_head_dim') }),
    normGroups: get('norm_num_groups'),
    normEpsilon: get('norm_eps'),
    downsamplePadding: get('downsample_padding'),
    cosinesFirst: get('flip_sin_to_cos'),
    frequencyShift: get('freq_shift'),
    dropout: get('dropout'),
    labels: config.num_class_embeds ?? 0,
    ...given,
  }
}

/** Whether the levels have the channels that the network's settings say, before a network of that size is made. */
function expectSizes(path: string, network: NetworkConfig, { entries }: TensorFile): void {
  if (network.kind !== 'ddpm') throw foreign(path, `a network of kind ${network.kind}`)
  const { channels, blockChannels } = network
  const wanted = new Map([['conv_in.weight', [blockChannels[0]!, channels, 3, 3]]])
  for (const [level, width] of blockChannels.entries())
    wanted.set(`down_blocks.${level}.resnets.0.conv2.weight`, [width, width, 3, 3])
  for (const [name, shape] of wanted) {
    const received = entries.get(name)?.shape
    if (received?.join() === shape.join()) continue
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to have a tensor ${name} of [${shape.join(', ')}], as its config.json says, but received ` +
        (received ? `[${received.join(', ')}]` : 'none'),
    )
  }
}

/** The levels that attend, on both ways. */
function attendingOf(path: string, down: unknown, up: unknown): number[] {
  const [ways, names] = [
    [down, [up].flat().toReversed()],
    ['Down', 'Up'],
  ]
  const attending = ways.map((way, i) =>
    [way].flat().map((type) => {
      if (type === `${names[i]}Block2D`) return false
      if (type === `Attn${names[i]}Block2D`) return true
      throw foreign(path, `a UNet2DModel with a block ${shown(type)}`)
    }),
  )
  if (attending[0]!.join() !== attending[1]!.join())
    throw foreign(path, 'a UNet2DModel that attends at other levels on the way up than on the way down')
  return attending[0]!.flatMap((attends, level) => (attends ? [level] : []))
}

/** The weights by the names that they have here: older files have other ones in attentions. */
async function weightsOf(
  path: string,
  folder: string,
): Promise<{ file: TensorFile; made: ReadonlyMap<string, TensorEntry> | undefined }> {
  const stored = await storedIn(path, folder)
  const entries = new Map<string, TensorEntry>()
  for (const [name, entry] of stored.entries) {
    const renamed = nameHere(name)
    entries.set(renamed, { ...entry, name: renamed })
  }
  const classes = stored.entries.get('class_embedding.weight')
  if (classes === undefined) return { file: { ...stored, entries }, made: undefined }
  entries.delete('class_embedding.weight')
  const [count = 0, width = 0] = classes.shape
  const made = async (): Promise<Uint8Array> => {
    const at = { ...classes, begin: stored.dataOffset + classes.begin, end: stored.dataOffset + classes.end }
    const values = await valuesOf(stored.path, at)
    return float32Bytes(
      Float64Array.from(values, (_, i) => values[(i % count) * width + Math.floor(i / count)]!),
    )
  }
  const turned = { ...classes, name: 'map_label.weight', dtype: 'F32', shape: [width, count], made }
  return { file: { ...stored, entries }, made: new Map([['map_label.weight', turned]]) }
}

const OLDER_NAMES: Readonly<Record<string, string>> = {
  query: 'to_q',
  key: 'to_k',
  value: 'to_v',
  proj_attn: 'to_out.0',
}

function nameHere(name: string): string {
  return name.replace(
    /(\.attentions\.\d+\.)(query|key|value|proj_attn)\./,
    (_, before: string, layer: string) => `${before}${OLDER_NAMES[layer]}.`,
  )
}

async function storedIn(path: string, folder: string): Promise<TensorFile> {
  const [safe, pickled] = ['safetensors', 'bin'].map((type) =>
    join(folder, `diffusion_pytorch_model.${type}`),
  )
  if (await lookAt(safe!)) return readHeader(safe!)
  if (await lookAt(pickled!)) {
    const { value } = await readTorchContent(pickled!)
    return tensorFileOf(pickled!, new Map<string, StoredTensor>(tensorsIn(value)))
  }
  throw new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected ${path} to have diffusion_pytorch_model.safetensors or .bin beside its config.json but there is neither`,
  )
}
