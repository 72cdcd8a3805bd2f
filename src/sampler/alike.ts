import type { NativeRows } from '../native/addon.js'

/** What the first of some samples carry, as far as they carry the same things. */
export function alike(rows: readonly NativeRows[]): NativeRows {
  const [first] = rows
  const other = rows.findIndex(
    ({ labels, guidance, guided }) =>
      (labels === undefined) !== (first!.labels === undefined) ||
      (guidance === undefined) !== (first!.guidance === undefined) ||
      guided?.join() !== first!.guided?.join(),
  )
  const same = other < 0 ? rows : rows.slice(0, other)
  return {
    keys: BigUint64Array.from(same, ({ keys }) => keys[0]!),
    ...(first!.labels && { labels: Int32Array.from(same, ({ labels }) => labels![0]!) }),
    ...(first!.guidance && { guidance: Float64Array.from(same, ({ guidance }) => guidance![0]!) }),
    ...(first!.guided && { guided: first!.guided }),
  }
}
