import { type MlpConfig, outputOf } from '../../../nn/config.js'
import type { Architecture } from './architecture.js'
import { heightOf } from './field.js'

const HEIGHT_FEATURES = 16

/** The residual network for points (native/nn/mlp.cpp). */
export const mlp: Architecture<MlpConfig> = ({ ops, config, x, told }) => {
  const { graph } = ops
  const isField = outputOf(config) === 'field'
  const z = ops.reshape(heightOf(ops, config, told), [-1, 1])
  const squares = graph.node('ReduceSum', [ops.times(x, x), graph.integers([1])], { keepdims: 1 })
  const aroundData = ops.plus(squares, graph.floats([1]))
  const scale = graph.node('Sqrt', [isField ? ops.plus(aroundData, ops.times(z, z)) : aroundData])
  const height = isField ? graph.node('Log', [z]) : graph.node('Asinh', [ops.times(graph.floats([8]), z)])
  const each = Array.from(
    { length: HEIGHT_FEATURES },
    (_, i) => Math.fround(Math.exp((i * 5) / HEIGHT_FEATURES)) / 4,
  )
  const phase = ops.times(height, graph.floats(each, [1, HEIGHT_FEATURES]))
  const read = [
    graph.node('Asinh', [x]),
    graph.node('Div', [x, scale]),
    graph.node('Sin', [phase]),
    graph.node('Cos', [phase]),
  ]
  let h = ops.linear('in', graph.node('Concat', read, { axis: 1 }))
  for (let i = 0; i < config.depth; i++) {
    const between = ops.linear(`blocks.${i}.0`, ops.silu(h))
    h = ops.plus(h, ops.linear(`blocks.${i}.1`, ops.silu(between)))
  }
  const v = ops.linear('out', ops.silu(h))
  if (!isField) return { x: v }
  const { dimensions } = config
  return {
    x: ops.slice(v, 0, dimensions),
    z: ops.reshape(ops.slice(v, dimensions, dimensions + 1), [-1]),
  }
}
