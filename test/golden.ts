import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readHeader } from '../src/checkpoint/safetensors.js'
import { readTensors } from '../src/native/read-tensors.js'
import type { UnetConfig } from '../src/nn/config.js'
import type { Network } from '../src/nn/network.js'
import { Tensor } from '../src/tensor/tensor.js'

export function goldenPath(name: string): string {
  return fileURLToPath(new URL(`goldens/${name}`, import.meta.url))
}

export function goldenJson<T>(name: string): T {
  return JSON.parse(readFileSync(goldenPath(name), 'utf8')) as T
}

export interface GoldenArray {
  readonly shape: number[]
  readonly values: Float32Array | Float64Array
}

interface Golden {
  array(key: string): GoldenArray
  /** Of int64. */
  indices(key: string): { readonly shape: number[]; readonly values: BigInt64Array }
  metadata: Record<string, string>
  names: string[]
}

/** A golden's arrays and settings, read here rather than by the code under test. */
export function golden(name: string): Golden {
  return safetensors(goldenPath(name))
}

export function safetensors(path: string): Golden {
  const bytes = readFileSync(path)
  const length = Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8'))
  const data = bytes.subarray(8 + length)
  const { __metadata__: metadata = {}, ...entries } = header
  const bytesOf = (key: string): ArrayBuffer => {
    const [begin, end] = entries[key].data_offsets
    return Uint8Array.from(data.subarray(begin, end)).buffer
  }
  return {
    metadata,
    names: Object.keys(entries),
    array(key) {
      const { dtype, shape } = entries[key]
      const copy = bytesOf(key)
      return { shape, values: dtype === 'F64' ? new Float64Array(copy) : new Float32Array(copy) }
    },
    indices: (key) => ({ shape: entries[key].shape, values: new BigInt64Array(bytesOf(key)) }),
  }
}

export async function float32({ shape, values }: GoldenArray): Promise<Tensor<'float32'>> {
  return Tensor.from<'float32'>(Float32Array.from(values), shape)
}

/** A `config.json` of the published code as a network's configuration. */
export function publishedNetwork(name: string): UnetConfig {
  const { model, data } = goldenJson<{ model: Record<string, never>; data: Record<string, never> }>(name)
  return {
    kind: 'unet',
    channels: data.num_channels!,
    imageSize: data.image_size!,
    nf: model.nf!,
    chMult: model.ch_mult!,
    numResBlocks: model.num_res_blocks!,
    attnResolutions: model.attn_resolutions!,
    dropout: model.dropout!,
    embedding: model.embedding_type!,
    fourierScale: model.fourier_scale!,
    fir: model.fir!,
    progressiveInput: model.progressive_input!,
    progressiveCombine: model.progressive_combine!,
    resblock: model.resblock_type!,
    resampWithConv: model.resamp_with_conv!,
    skipRescale: model.skip_rescale!,
    initScale: model.init_scale!,
    centered: data.centered!,
  }
}

/** Fills a network from a golden's weights. */
export async function loadWeights(network: Network, name: string, prefix = ''): Promise<void> {
  await readTensors(network.handle, await readHeader(goldenPath(name)), (parameter) => prefix + parameter)
}

export function maxAbsoluteError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values against ${expected.length}`)
  let worst = 0
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!)
    if (!(error <= worst)) worst = error
  }
  return worst
}

/** The largest |actual - expected| / |expected| over the rows, as Euclidean norms. */
export function maxRelativeRowError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  row: number,
): number {
  let worst = 0
  for (let start = 0; start < expected.length; start += row) {
    let error = 0
    let size = 0
    for (let i = start; i < start + row; i++) {
      error += (actual[i]! - expected[i]!) ** 2
      size += expected[i]! ** 2
    }
    const relative = Math.sqrt(error / size)
    if (!(relative <= worst)) worst = relative
  }
  return worst
}
