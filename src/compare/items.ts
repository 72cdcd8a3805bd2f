import type { ImageTensor } from '../model/images.js'
import type { Dtype } from '../native/addon.js'
import { Tensor } from '../tensor/tensor.js'
import type { Workshop } from './job.js'

/** Items that lie evenly all over the data, which may be sorted. */
export async function someItems({ items }: Pick<Workshop, 'items'>, count: number): Promise<ImageTensor> {
  const all = items.shape[0]!
  const wanted = Math.min(count, all)
  const places = Array.from({ length: wanted }, (_, i) => Math.floor((i * all) / wanted))
  return (await rowsOf(items as Tensor, places)) as ImageTensor
}

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
