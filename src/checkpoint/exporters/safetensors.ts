import { modelMetadata } from '../model.js'
import { writeTensors } from '../safetensors.js'
import type { Exporter } from './exporter.js'

/** The package's own file: weights under their published names, which a plain PyTorch module loads as they are. */
export const SAFETENSORS: Exporter = {
  format: 'safetensors',
  extension: '.safetensors',
  help: 'weights under their published names, for PyTorch and for this package',
  async write({ network, config }, path) {
    await writeTensors(network.handle, path, modelMetadata('model', config))
    return []
  },
}
