import { averagedName, type ModelConfig } from '../checkpoint/model.js'
import { type Device, resolveDevice } from '../native/device.js'
import { readTensors } from '../native/read-tensors.js'
import { Network } from '../nn/network.js'
import { findModel, type Which } from './find.js'
import type { ModelSource } from './model.js'

/** What a model is made of. */
export interface LoadedModel {
  readonly config: ModelConfig
  readonly network: Network
  readonly source: ModelSource | undefined
}

/** @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model, or a damaged one */
export async function loadModel(
  name: string,
  {
    device,
    emaRate,
    ...which
  }: Which & { readonly device: Device | undefined; readonly emaRate: number | undefined },
): Promise<LoadedModel> {
  const { model, source } = await findModel(name, which)
  const { config } = model
  const network = await Network.create(config.network, { device: resolveDevice(device) })
  try {
    await readTensors(network.handle, model.file, averagedName(model, emaRate))
  } catch (error) {
    network.dispose()
    throw error
  }
  // What is kept for a file, such as solvers that were measured, is of its usual average.
  return { config, network, source: emaRate === undefined ? source : undefined }
}
