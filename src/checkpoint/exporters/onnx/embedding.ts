import type { Value } from './graph.js'
import type { Operations } from './operations.js'

/** How a network is told its noise (native/nn/embedding.h). */
export interface Embedding {
  /** Float32 `[1, waves]`: the number, or its logarithm, times these are the phases. */
  readonly frequencies: Value
  /** Of the phases. */
  readonly after?: number
  readonly logarithm?: boolean
  readonly cosinesFirst?: boolean
  /** Names of the two layers. */
  readonly layers: readonly [string, string]
  /** Of a label's one; undefined where there are no classes. */
  readonly labelScale?: number | undefined
  /** Labels add to the second layer rather than to the waves. */
  readonly labelsLast?: boolean
  /** Behind each of the two layers; SiLU where not given. */
  readonly activation?: 'silu' | 'gelu'
}

/**
 * What a network is told, through two layers: `[n, ..]`.
 * @param told `[n]`
 * @param label int64 `[n]`, -1 for none
 */
export function embedded(
  ops: Operations,
  {
    frequencies,
    after,
    logarithm,
    cosinesFirst,
    layers,
    labelScale,
    labelsLast,
    activation = 'silu',
  }: Embedding,
  told: Value,
  label: Value | undefined,
): Value {
  const { graph } = ops
  const number = ops.reshape(logarithm ? graph.node('Log', [told]) : told, [-1, 1])
  const phase = ops.times(number, frequencies)
  const phases = after === undefined ? phase : ops.times(phase, graph.floats([after]))
  const waves = (cosinesFirst ? ['Cos', 'Sin'] : ['Sin', 'Cos']).map((wave) => graph.node(wave, [phases]))
  let h = graph.node('Concat', waves, { axis: 1 })
  if (graph.has('map_label.bias')) h = ops.plus(h, graph.parameter('map_label.bias'))
  const ofLabel =
    label !== undefined && labelScale !== undefined ? ofClass(ops, label, labelScale) : undefined
  if (ofLabel !== undefined && !labelsLast) h = ops.plus(h, ofLabel)
  h = ops.linear(layers[1], ops[activation](ops.linear(layers[0], h)))
  if (ofLabel !== undefined && labelsLast) h = ops.plus(h, ofLabel)
  return ops[activation](h)
}

/** The weights of each label's class; zeros for -1. A label beyond the classes has none, which the runtime refuses. */
function ofClass(ops: Operations, label: Value, scale: number): Value {
  const { graph } = ops
  const weights = graph.node('Transpose', [graph.parameter('map_label.weight')], { perm: [1, 0] })
  const none = graph.integers([0], [])
  const rows = graph.node('Gather', [weights, graph.node('Max', [label, none])], { axis: 0 })
  const isGiven = graph.node('Cast', [graph.node('GreaterOrEqual', [label, none])], { to: 1 })
  return ops.times(ops.times(rows, graph.floats([scale])), ops.reshape(isGiven, [-1, 1]))
}

/** 10000^(-k / last), rounded as in float32 arithmetic: `[1, count]`. */
export function positional(ops: Operations, count: number, last: number): Value {
  const rate = Math.fround(-Math.log(10000) / last)
  const each = Array.from({ length: count }, (_, k) => Math.exp(Math.fround(k * rate)))
  return ops.graph.floats(each, [1, count])
}

/** Frequencies that are a parameter, times a factor. */
export function fourier(ops: Operations, name: string, factor = 1): Value {
  const frequencies = ops.reshape(ops.graph.parameter(name), [1, -1])
  return factor === 1 ? frequencies : ops.times(frequencies, ops.graph.floats([factor]))
}
