import { open } from 'node:fs/promises'
import { parse } from '../arguments/schema.js'
import { PfgmError } from '../errors.js'
import { reason } from '../files/read.js'
import type { TensorFile } from '../files/tensor-file.js'
import { readTorchContent, type TorchContent, tensorFileOf } from '../files/torch-file.js'
import { expectOutput, parseFlow } from '../flow/kinds.js'
import { networkConfigSchema } from '../nn/config.js'
import type { Converted, GivenModel } from './converters/converter.js'
import { CONVERTERS } from './converters/converters.js'
import { diffusersFolder } from './converters/diffusers.js'
import { kDiffusionFile } from './converters/k-diffusion-file.js'
import { type ModelConfig, type ModelFile, openModel } from './model.js'

/** A model that another program wrote. */
export interface ForeignModel {
  readonly kind: 'foreign'
  /** Its tensors, by their names in the network. */
  readonly file: TensorFile
  readonly config: ModelConfig
  /** `a snapshot of EDM or PFGM++`. */
  readonly family: string
  /** What the file does not say and was taken as is usual, in sentences. */
  readonly notes: readonly string[]
}

/**
 * Reads a model's header, or what another program's file says.
 * @param given beside the latter
 * @throws PfgmError as `openModel` and `openForeign` do; RangeError where something is given beside another file
 */
export async function openAnyModel(path: string, given: GivenModel = {}): Promise<ModelFile | ForeignModel> {
  if (await isForeign(path)) return openForeign(path, given)
  expectNothingGiven(path, given)
  return openModel(path)
}

/** Whether another program wrote a file or folder. */
export async function isForeign(path: string): Promise<boolean> {
  return (
    (await looksForeign(path)) ||
    ((await diffusersFolder(path)) ?? (await kDiffusionFile(path))) !== undefined
  )
}

/** Whether a file begins as those of `torch.save` and as pickles do. The header of safetensors begins at byte 8. */
async function looksForeign(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return false
  try {
    const begin = Buffer.alloc(9)
    await file.read(begin, 0, 9, 0)
    const isArchive = begin.toString('latin1', 0, 4) === 'PK\x03\x04'
    return isArchive || (begin[0] === 0x80 && begin[1]! <= 5 && begin[8] !== '{'.charCodeAt(0))
  } catch {
    return false
  } finally {
    await file.close()
  }
}

/**
 * Reads a model of another program, as data: nothing in its file is run.
 * @throws PfgmError `ERR_PFGM_DATA` where the file is damaged, or names what is no tensor; `ERR_PFGM_CHECKPOINT` where its
 *   model is none that this package has; TypeError or RangeError where something must be given beside it, or is wrong
 */
export async function openForeign(path: string, given: GivenModel = {}): Promise<ForeignModel> {
  const content = await contentOf(path)
  const converter = CONVERTERS.find(({ recognises }) => recognises(content.value))
  if (converter === undefined) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to be ${CONVERTERS.map(({ family }) => family).join(', ')} but received other content`,
    )
  }
  const converted = await converter.convert(content, given)
  const config = configOf(path, converted, given)
  converted.expectFits?.(config.network)
  const stored = converted.file ?? (await tensorFileOf(path, converted.tensors))
  const entries = new Map([...stored.entries, ...(converted.made ?? [])])
  const file = { ...stored, entries, mayBeLeft: /^map_label\./ }
  return { kind: 'foreign', file, config, family: converter.family, notes: converted.notes }
}

async function contentOf(path: string): Promise<TorchContent> {
  const value = (await diffusersFolder(path)) ?? (await kDiffusionFile(path))
  return value ? { path, value } : readTorchContent(path)
}

function configOf(path: string, { config }: Converted, given: GivenModel): ModelConfig {
  try {
    const network = parse('network', networkConfigSchema, config.network as never)
    const flow = parseFlow(config.flow)
    expectOutput(network, flow)
    return { ...config, network, flow }
  } catch (cause) {
    if (given.network !== undefined || given.flow !== undefined) throw cause
    // What the file says by itself is not the caller's mistake.
    throw new PfgmError('ERR_PFGM_CHECKPOINT', `${path}: ${reason(cause)}`, { cause })
  }
}

/**
 * Own models say all of themselves.
 * @throws RangeError where something is given beside one
 */
export function expectNothingGiven(name: string, given: GivenModel = {}): void {
  const [field] = Object.entries(given).find(([, value]) => value !== undefined) ?? []
  if (field === undefined) return
  throw new RangeError(
    `Expected no ${field} for ${name}, which is no file of another program, but received one`,
  )
}
