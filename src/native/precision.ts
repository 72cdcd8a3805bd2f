/** What the products of a network's layers are rounded to; sums, weights and normalisation are float32. */
export type Precision = 'float32' | 'bfloat16'

/** All precisions. */
export const PRECISIONS = ['float32', 'bfloat16'] as const satisfies readonly Precision[]
