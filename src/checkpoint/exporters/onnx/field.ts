import { type NetworkConfig, outputOf } from '../../../nn/config.js'
import type { Value } from './graph.js'
import type { Image, Operations } from './operations.js'

/** The height that a network is told: of a field at least 1e-10. */
export function heightOf(ops: Operations, config: NetworkConfig, told: Value): Value {
  return outputOf(config) === 'field' ? ops.graph.node('Max', [told, ops.graph.floats([1e-10])]) : told
}

/** An image, or of a field (v_x, v_z): the channels but the last, and the mean of that one. */
export function fieldOf(ops: Operations, config: NetworkConfig, h: Image): { x: Value; z?: Value } {
  if (outputOf(config) !== 'field') return { x: h.value }
  const last = h.channels - 1
  const z = ops.graph.node('ReduceMean', [ops.slice(h.value, last, h.channels)], {
    axes: [1, 2, 3],
    keepdims: 0,
  })
  return { x: ops.slice(h.value, 0, last), z }
}
