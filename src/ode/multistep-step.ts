/** Most that a step is longer, and shorter, than the one before it. */
const [LARGEST, SMALLEST] = [3, 0.1]
/** Bounds of a first step, and the longest of all, in ln z. */
const [SHORTEST, LONGEST] = [1e-4, 1]

/**
 * The longest step in ln z at which the predictions of order 1 and 2, x' = (z'/z) x + (1 - z'/z) d with d constant and
 * with d linear in ln z, differ by no more than a tolerance.
 * @param rate change of d in a unit of ln z, over the tolerance
 * @param last size of the last step, if there was one
 */
export function stepWithinTolerance(rate: number, last?: number): number {
  if (Number.isNaN(rate)) return Number.NaN
  const error = (h: number): number => (-Math.expm1(-h) * h * rate) / 2
  let shorter = last === undefined ? SHORTEST : SMALLEST * last
  let longer = Math.min(last === undefined ? LONGEST : LARGEST * last, LONGEST)
  if (error(longer) <= 1) return longer
  // The error grows with the step.
  for (let i = 0; i < 40; i++) {
    const middle = (shorter + longer) / 2
    if (error(middle) > 1) longer = middle
    else shorter = middle
  }
  return shorter
}

/** The height after a step of about a size in ln z on the way to `stop`, which whole steps are to reach. */
export function heightAfter(height: number, step: number, stop: number): number {
  const left = Math.log(height / stop)
  const steps = Math.ceil(left / step - 0.3)
  return steps <= 1 ? stop : height * Math.exp(-left / steps)
}
