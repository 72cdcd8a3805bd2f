import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type ModelConfig, readModelHeader } from '../checkpoint/model.js'
import { RunFolder } from '../checkpoint/run-folder.js'
import { readTensors } from '../checkpoint/safetensors.js'
import { PfgmError } from '../errors.js'
import { type Device, resolveDevice } from '../native/device.js'
import { Network } from '../nn/network.js'
import type { ModelSource } from './model.js'

/** Trained models that come with the package. */
export const SHIPPED_MODELS = ['digits'] as const

/** What a model is made of. */
export interface LoadedModel {
  readonly config: ModelConfig
  readonly network: Network
  readonly source: ModelSource
}

/** @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model, or a damaged one */
export async function loadModel(name: string, device: Device | undefined): Promise<LoadedModel> {
  const source = await findModel(name)
  const { file, config, kind } = await readModelHeader(source.path)
  const network = await Network.create(config.network, { device: resolveDevice(device) })
  try {
    await readTensors(network.handle, file, kind === 'checkpoint' ? (tensor) => `ema.${tensor}` : undefined)
  } catch (error) {
    network.dispose()
    throw error
  }
  return { config, network, source }
}

async function findModel(name: string): Promise<ModelSource> {
  const found = await stat(name).catch(() => undefined)
  if (found?.isFile()) return { path: name }
  if (found?.isDirectory()) {
    const run = new RunFolder(name)
    const newest = (await run.checkpoints()).at(-1)
    if (newest !== undefined) return { path: run.checkpoint(newest), run: name }
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected a run in ${name} but it has no checkpoint: train there first, with --out ${name}`,
    )
  }
  if ((SHIPPED_MODELS as readonly string[]).includes(name)) {
    return { path: fileURLToPath(new URL(`../../models/${name}.safetensors`, import.meta.url)) }
  }
  throw new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected a run folder, a model file or one of the models that come with the package (${SHIPPED_MODELS.join(', ')}) but received '${name}'`,
  )
}
