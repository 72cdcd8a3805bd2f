import { PfgmError } from '../../errors.js'
import { StoredTensor } from '../../files/stored-tensor.js'
import type { TensorEntry, TensorFile } from '../../files/tensor-file.js'
import { tensorFileOf } from '../../files/torch-file.js'
import type { NetworkConfig } from '../../nn/config.js'
import { expectNames, malformed } from './converter.js'
import { bytesOf } from './values.js'

type Entries = ReadonlyMap<string, TensorEntry>

/** What the numbers behind a model that augments its images stand for: they are 0 where it is not in training. */
const AUGMENTATIONS = 9

const WRAPPER = 'inner_model.'
const CONDITIONS = 'mapping_cond.weight'

/** The averaged weights of a training's state. */
export function averagedOf(path: string, state: Map<unknown, unknown>): Promise<TensorFile> {
  const weights = new Map<string, StoredTensor>()
  for (const [name, tensor] of state.get('model_ema') as Map<unknown, unknown>) {
    if (typeof name === 'string' && tensor instanceof StoredTensor) weights.set(name, tensor)
  }
  return tensorFileOf(path, weights)
}

/**
 * Weights by the names that they have here, without what the network has no use for.
 * @param classes that the last of the mapping's conditions stand for
 * @throws PfgmError `ERR_PFGM_DATA` where it resamples by other filters, or is told of something else
 */
export function weightsHere(
  stored: TensorFile,
  classes: number,
): { file: TensorFile; made: ReadonlyMap<string, TensorEntry> } {
  const names = [...stored.entries.keys()]
  expectNames(stored.path, names)
  const isWrapped = names.length > 0 && names.every((name) => name.startsWith(WRAPPER))
  const entries = new Map<string, TensorEntry>()
  for (const entry of stored.entries.values()) {
    const name = isWrapped ? entry.name.slice(WRAPPER.length) : entry.name
    if (name.endsWith('.kernel')) expectLinear(stored.path, entry)
    else entries.set(name, { ...entry, name })
  }
  const told = entries.get(CONDITIONS)
  entries.delete(CONDITIONS)
  const made = new Map<string, TensorEntry>()
  if (told !== undefined) {
    const others = (told.shape[1] ?? 0) - classes
    if (told.shape.length !== 2 || (others !== 0 && others !== AUGMENTATIONS)) {
      const expected = `${CONDITIONS} of ${classes} or ${classes + AUGMENTATIONS} columns`
      throw malformed(stored.path, expected, `one of [${told.shape.join(', ')}]`)
    }
    if (classes > 0) made.set('map_label.weight', lastColumns(stored, told, classes))
  }
  withoutVariance(entries)
  return { file: { ...stored, entries }, made }
}

/** The filters of k-diffusion have other sizes each. */
function expectLinear(path: string, { name, shape }: TensorEntry): void {
  if (shape.join() !== '4,4')
    throw malformed(path, `a filter ${name} of [4, 4]`, `one of [${shape.join(', ')}]`)
}

/** A channel behind those of the image says how sure the network is, in training. */
function withoutVariance(entries: Map<string, TensorEntry>): void {
  const rows = entries.get('proj_in.weight')?.shape[1]
  for (const name of ['proj_out.weight', 'proj_out.bias']) {
    const entry = entries.get(name)
    if (entry === undefined || rows === undefined || entry.shape[0] !== rows + 1) continue
    const { begin, end, shape } = entry
    entries.set(name, {
      ...entry,
      shape: [rows, ...shape.slice(1)],
      end: begin + ((end - begin) / (rows + 1)) * rows,
    })
  }
}

function lastColumns({ path, dataOffset }: TensorFile, entry: TensorEntry, count: number): TensorEntry {
  const [rows = 0, all = 0] = entry.shape
  const at = { ...entry, begin: dataOffset + entry.begin, end: dataOffset + entry.end }
  const made = async (): Promise<Uint8Array> => {
    const bytes = await bytesOf(path, at)
    const each = bytes.length / (rows * all)
    const parts = Array.from({ length: rows }, (_, row) =>
      bytes.subarray((row * all + all - count) * each, (row + 1) * all * each),
    )
    return Buffer.concat(parts)
  }
  return { ...entry, name: 'map_label.weight', shape: [rows, count], made }
}

/** Whether the levels have the channels and the blocks that the network's settings say, before a network of that size is made. */
export function expectSizes(path: string, network: NetworkConfig, entries: Entries): void {
  if (network.kind !== 'k-unet') {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected the network of ${path} to be of kind k-unet but received one of kind ${network.kind}`,
    )
  }
  const { channels, patchSize = 1, mappingChannels, blockChannels, depths, attends } = network
  const wanted = new Map([
    ['proj_in.weight', [blockChannels[0]!, channels * patchSize ** 2, 1, 1]],
    ['mapping.0.weight', [mappingChannels, mappingChannels]],
  ])
  for (const [level, width] of blockChannels.entries()) {
    const last = 1 + (depths[level]! - 1) * (attends[level] ? 2 : 1)
    wanted.set(`u_net.d_blocks.${level}.${last}.main.6.weight`, [width, width, 3, 3])
  }
  for (const [name, shape] of wanted) {
    const received = entries.get(name)?.shape
    if (received?.join() === shape.join()) continue
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to have a tensor ${name} of [${shape.join(', ')}], as its config says, but received ` +
        (received ? `[${received.join(', ')}]` : 'none'),
    )
  }
}
