import { product } from '../../../check.js'
import { lengthOf } from '../../../files/protobuf.js'
import { writeWhole } from '../../../files/whole-file.js'
import type { Arithmetic } from '../../../flow/arithmetic.js'
import { flowKind } from '../../../flow/kinds.js'
import { classesOf, itemShape, type NetworkConfig } from '../../../nn/config.js'
import type { Network } from '../../../nn/network.js'
import type { ModelConfig } from '../../model.js'
import { weightsOf } from '../../weights.js'
import type { Exporter } from '../exporter.js'
import type { Architecture, Given } from './architecture.js'
import { ddpmUnet } from './ddpm-unet.js'
import { edmUnet } from './edm-unet.js'
import { Graph, type Value } from './graph.js'
import { kUnet } from './k-unet.js'
import { mlp } from './mlp.js'
import { Operations } from './operations.js'
import { model } from './proto.js'
import { refinenet } from './refinenet.js'
import { unet } from './unet.js'

/** Every architecture that can be written, by the kind of network. A new one is a line here. */
const ARCHITECTURES: ReadonlyMap<string, Architecture<never>> = new Map<string, Architecture<never>>([
  ['unet', unet],
  ['song', edmUnet],
  ['dhariwal', edmUnet],
  ['ddpm', ddpmUnet],
  ['k-unet', kUnet],
  ['refinenet', refinenet],
  ['mlp', mlp],
])

/** Operators of ONNX 1.12, of 2022; what reads newer ones reads these. */
const VERSION = { irVersion: 8, opset: 17 }

/** Protocol buffers hold no more. */
const MOST_BYTES = 2 ** 31 - 1

/**
 * The network with what its flow makes of it: inputs `x`, `z` (the height) and, of networks that tell classes apart,
 * `label`; outputs `denoised`, and of a field `v_x` and `v_z`, too.
 */
export const ONNX: Exporter = {
  format: 'onnx',
  extension: '.onnx',
  help: 'network and flow as one function, for ONNX Runtime and others',
  async write({ network, config }, path) {
    expectWritable(network, config)
    const weights = await weightsOf(network)
    const graph = new Graph(weights)
    build(graph, network.config, config)
    const metadata = {
      network: JSON.stringify(network.config),
      flow: JSON.stringify(config.flow),
      data: config.data,
      step: String(config.step),
      ...(config.classes && { classes: JSON.stringify(config.classes) }),
    }
    const bytes = model(graph.finish('pfgm-torch'), { ...VERSION, metadata })
    if (lengthOf(bytes) > MOST_BYTES) throw tooLarge(lengthOf(bytes))
    await writeWhole(path, bytes)
    return []
  },
}

function expectWritable({ config, parameterCount }: Network, { flow }: ModelConfig): void {
  if (!ARCHITECTURES.has(config.kind)) {
    const known = [...ARCHITECTURES.keys()].join(', ')
    throw new RangeError(
      `Expected a network of kind ${known} for the format onnx but received one of kind ${config.kind}: use safetensors`,
    )
  }
  if (flowKind(flow)?.denoised === undefined) {
    throw new RangeError(
      `Expected a flow that says what it denoises for the format onnx but received ${flow.kind}`,
    )
  }
  if (4 * parameterCount > MOST_BYTES) throw tooLarge(4 * parameterCount)
}

function tooLarge(bytes: number): RangeError {
  return new RangeError(
    `Expected at most ${MOST_BYTES} bytes for the format onnx but received ${bytes}: use safetensors`,
  )
}

function build(graph: Graph, network: NetworkConfig, { flow }: ModelConfig): void {
  const ops = new Operations(graph)
  const shape = itemShape(network)
  const x = graph.input('x', 'float32', ['n', ...shape])
  const z = graph.input('z', 'float32', ['n'])
  const label = classesOf(network) > 0 ? graph.input('label', 'int64', ['n']) : undefined
  const body = ARCHITECTURES.get(network.kind)! as (given: Given) => ReturnType<Architecture<never>>
  const column = shape.map(() => 1)
  const denoised = flowKind(flow)!.denoised!(flow, {
    ops: arithmetic(graph, shape),
    x,
    height: ops.reshape(z, [-1, ...column]),
    dimensions: product(shape),
    network(given, told) {
      const field = body({ ops, config: network, x: given, told: ops.reshape(told, [-1]), label })
      if (field.z === undefined) return field
      graph.output('v_x', field.x, ['n', ...shape])
      graph.output('v_z', field.z, ['n'])
      return { x: field.x, z: ops.reshape(field.z, [-1, ...column]) }
    },
  })
  graph.output('denoised', denoised, ['n', ...shape])
}

/** Heights are `[n, 1, ...]`, so that they go with all of an item's numbers. */
function arithmetic(graph: Graph, shape: readonly number[]): Arithmetic<Value> {
  const binary = (operation: string) => (a: Value, b: Value) => graph.node(operation, [a, b])
  const unary = (operation: string) => (a: Value) => graph.node(operation, [a])
  return {
    constant: (value) => graph.floats([value]),
    add: binary('Add'),
    subtract: binary('Sub'),
    multiply: binary('Mul'),
    divide: binary('Div'),
    sqrt: unary('Sqrt'),
    log: unary('Log'),
    asinh: unary('Asinh'),
    min: binary('Min'),
    whereBelow: (a, b, then, otherwise) => graph.node('Where', [graph.node('Less', [a, b]), then, otherwise]),
    squareNorm: (a) =>
      graph.node('ReduceSum', [graph.node('Mul', [a, a]), graph.integers(shape.map((_, i) => i + 1))], {
        keepdims: 1,
      }),
  }
}
