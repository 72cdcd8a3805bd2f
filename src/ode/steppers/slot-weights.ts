import type { RowCombination } from '../../native/addon.js'

/** A sum of a row's state and what its slots keep: the weight of the one, and a weight a slot from the first on. */
export interface SlotWeights {
  readonly ofX: number
  readonly ofK: readonly number[]
}

/** a + factor b. */
export function addScaled(a: SlotWeights, factor: number, b: SlotWeights): SlotWeights {
  return { ofX: a.ofX + factor * b.ofX, ofK: a.ofK.map((weight, slot) => weight + factor * b.ofK[slot]!) }
}

/** A sum for each of a pool's rows. */
export function rowCombination(rows: readonly SlotWeights[]): RowCombination {
  const slots = rows[0]?.ofK.length ?? 0
  const ofX = new Float64Array(rows.length)
  const ofK = new Float64Array(rows.length * slots)
  for (const [i, row] of rows.entries()) {
    ofX[i] = row.ofX
    ofK.set(row.ofK, i * slots)
  }
  return { ofX, ofK }
}
