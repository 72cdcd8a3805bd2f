import type { NetworkConfig } from '../../../nn/config.js'
import type { Value } from './graph.js'
import type { Operations } from './operations.js'

/** What a network's function is made of. */
export interface Given<C extends NetworkConfig = NetworkConfig> {
  readonly ops: Operations
  readonly config: C
  /** `[n, ...itemShape]` */
  readonly x: Value
  /** `[n]`: the height of a field, or what the flow tells the noise by. */
  readonly told: Value
  /** Int64 `[n]`, where the network tells classes apart. */
  readonly label: Value | undefined
}

/** A network as nodes of a graph: native/nn/'s `forward`. Its z, `[n]`, where it gives a field. */
export type Architecture<C extends NetworkConfig> = (given: Given<C>) => {
  readonly x: Value
  readonly z?: Value
}
