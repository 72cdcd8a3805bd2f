import type { Pieces } from '../../../files/protobuf.js'
import type { Weight } from '../../weights.js'
import { type Attribute, type ElementType, graph, node, tensor, valueInfo } from './proto.js'

/** A value of the graph, by its name. */
export type Value = string & { readonly isValue: unique symbol }

/** A graph in the making: values are named by the operations that make them. */
export class Graph {
  readonly #weights: ReadonlyMap<string, Weight>
  readonly #nodes: Pieces[] = []
  readonly #initializers = new Map<string, Pieces>()
  readonly #constants = new Map<string, Value>()
  readonly #inputs: Pieces[] = []
  readonly #outputs: Pieces[] = []
  readonly #counts = new Map<string, number>()

  constructor(weights: ReadonlyMap<string, Weight>) {
    this.#weights = weights
  }

  input(name: string, type: ElementType, shape: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, type, shape))
    return name as Value
  }

  /** Gives a value under a name. */
  output(name: string, value: Value, shape: readonly (number | string)[]): void {
    this.#nodes.push(node('Identity', [value], name, {}))
    this.#outputs.push(valueInfo(name, 'float32', shape))
  }

  /** What an operation of ONNX makes of values. */
  node(
    operation: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    const number = this.#counts.get(operation) ?? 0
    this.#counts.set(operation, number + 1)
    const output = `${operation}_${number}` as Value
    this.#nodes.push(node(operation, inputs, output, attributes))
    return output
  }

  /** Float32 values. */
  floats(values: readonly number[], shape: readonly number[] = []): Value {
    return this.#constant('float32', values, shape, Float32Array.from(values))
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    return this.#constant('int64', values, shape, BigInt64Array.from(values.map(BigInt)))
  }

  /** Whether the network has a parameter. */
  has(name: string): boolean {
    return this.#weights.has(name)
  }

  shapeOf(name: string): readonly number[] {
    return this.#weights.get(name)!.shape
  }

  /** A parameter of the network, under its own name. */
  parameter(name: string): Value {
    const { shape, bytes } = this.#weights.get(name)!
    if (!this.#initializers.has(name)) this.#initializers.set(name, tensor(name, 'float32', shape, bytes))
    return name as Value
  }

  /** The whole, as a message. */
  finish(name: string): Pieces {
    return graph(name, {
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    })
  }

  /** Equal ones are one. */
  #constant(
    type: ElementType,
    values: readonly number[],
    shape: readonly number[],
    array: Float32Array | BigInt64Array,
  ): Value {
    const content = `${type} [${shape}] ${values}`
    const name = this.#constants.get(content) ?? (`constant_${this.#constants.size}` as Value)
    this.#constants.set(content, name)
    if (!this.#initializers.has(name)) {
      this.#initializers.set(name, tensor(name, type, shape, new Uint8Array(array.buffer)))
    }
    return name
  }
}
