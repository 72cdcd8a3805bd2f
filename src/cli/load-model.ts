import { type Device, PoissonFlow } from '../index.js'
import { printWarning } from './output.js'

/** Loads the model that a command names. */
export function loadModel(source: string, { device }: { device?: Device } = {}): Promise<PoissonFlow> {
  return PoissonFlow.load(source, { ...(device !== undefined && { device }), onWarning: printWarning })
}
