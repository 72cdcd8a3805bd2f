import type { Dtype } from '../native/addon.js'
import { Tensor } from './tensor.js'

/** Rows of a tensor, by their places. */
export async function rowsOf<D extends Dtype>(
  tensor: Tensor<D>,
  places: readonly number[],
): Promise<Tensor<D>> {
  const rows: Tensor<D>[] = []
  try {
    for (const place of places) rows.push(await tensor.slice(place, 1))
    return await Tensor.concat(rows)
  } finally {
    for (const row of rows) row.dispose()
  }
}

/** At most so many rows that lie evenly all over a tensor: data may be sorted. */
export function spreadRows<D extends Dtype>(tensor: Tensor<D>, count: number): Promise<Tensor<D>> {
  const [all = 0] = tensor.shape
  if (all <= count) return tensor.slice(0, all)
  return rowsOf(
    tensor,
    Array.from({ length: count }, (_, i) => Math.floor((i * all) / count)),
  )
}
