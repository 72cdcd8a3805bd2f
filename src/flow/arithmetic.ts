/**
 * Arithmetic on numbers of whatever kind, so that a flow says its formula once for numbers and for the nodes of a graph.
 * A height, or what is made of heights alone, is one number an item, and goes with each of an item's.
 */
export interface Arithmetic<V> {
  constant(value: number): V
  add(a: V, b: V): V
  subtract(a: V, b: V): V
  multiply(a: V, b: V): V
  divide(a: V, b: V): V
  sqrt(a: V): V
  log(a: V): V
  asinh(a: V): V
  min(a: V, b: V): V
  /** `then` where a is below b. */
  whereBelow(a: V, b: V, then: V, otherwise: V): V
  /** The sum of the squares of an item's numbers: one number an item. */
  squareNorm(a: V): V
}

/**
 * The network at x, told its noise by a number an item: what it gives for each of x's numbers, and of a field the number
 * of its z.
 */
export type Evaluate<V> = (x: V, told: V) => { readonly x: V; readonly z?: V }

/** What a denoised image is made of. */
export interface Denoised<V> {
  readonly ops: Arithmetic<V>
  readonly x: V
  readonly height: V
  /** Number of values of an item. */
  readonly dimensions: number
  readonly network: Evaluate<V>
}
