import type { AnyDataset } from '../../src/data/index.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** A data set's values, from memory or from their file. */
export async function valuesOf({ values }: AnyDataset): Promise<number[]> {
  if (!('path' in values)) return [...values]
  using tensor = await Tensor.map(values.path, values.dtype, [values.length], values.offset)
  return [...(await tensor.data())]
}
