import type { TorchContent } from '../../files/torch-file.js'
import type { Converted, Converter, GivenModel } from './converter.js'
import { modelOf } from './k-diffusion-config.js'
import { KDiffusionFile } from './k-diffusion-file.js'
import { averagedOf, expectSizes, weightsHere } from './k-diffusion-weights.js'

/** Image_v1 models of k-diffusion: states of trainings (`.pth`), their averaged weights, and slim files (`.safetensors`). */
export const K_DIFFUSION: Converter = {
  family: 'a checkpoint of k-diffusion',

  recognises: (value) => value instanceof KDiffusionFile || isState(value),

  async convert({ path, value }: TorchContent, given: GivenModel): Promise<Converted> {
    const slim = value instanceof KDiffusionFile ? value : undefined
    const state = slim ? new Map<unknown, unknown>() : (value as Map<unknown, unknown>)
    const { network, flow, data } = modelOf(path, slim ? slim.config : state.get('config'), given)
    const { labels } = network
    const stored = slim ? slim.file : await averagedOf(path, state)
    const { file, made } = weightsHere(stored, typeof labels === 'number' ? labels : 0)
    const step = state.get('step')
    return {
      config: {
        network,
        flow,
        data,
        step: Number.isSafeInteger(step) && (step as number) >= 0 ? (step as number) : 0,
      },
      tensors: new Map(),
      file,
      made,
      expectFits: (built) => expectSizes(path, built, file.entries),
      notes: [],
    }
  },
}

function isState(value: unknown): boolean {
  return value instanceof Map && value.get('model') instanceof Map && value.get('model_ema') instanceof Map
}
