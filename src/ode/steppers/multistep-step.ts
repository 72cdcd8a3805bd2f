/** Most that a step is longer, and shorter, than the one before it. */
const [LARGEST, SMALLEST] = [3, 0.1]
/** The shortest first step in ln z. */
const SHORTEST = 1e-4

/** How d, the denoised value, changes with ln z over a tolerance: its first and second divided differences. */
export interface Changes {
  readonly first: number
  /** Where it is known. */
  readonly second?: number | undefined
}

/**
 * The longest step in ln z whose error is within the tolerance. The prediction of order p is
 * x' = (z'/z) x + the integral of e^-(h - s) d(s) over the step, d a polynomial of degree p - 1 in s = ln(z/z'). Order 1
 * differs from order 2 by about e_1 = (1 - e^-h) (h/2) first, and that from order 3 by
 * e_2 = (1 - e^-h) h (h/3 + last/2) second. The error is taken as (e_1 e_2)^(1/2), which served better than either alone.
 * @param longest the longest step there may be
 * @param last size of the last step, if there was one
 */
export function stepWithinTolerance({ first, second }: Changes, longest: number, last?: number): number {
  if (Number.isNaN(first) || Number.isNaN(second)) return Number.NaN
  const error = (h: number): number => {
    const lower = (-Math.expm1(-h) * h * first) / 2
    if (second === undefined || last === undefined) return lower
    return Math.sqrt(lower * -Math.expm1(-h) * h * (h / 3 + last / 2) * second)
  }
  let shorter = last === undefined ? SHORTEST : SMALLEST * last
  let longer = Math.min(last === undefined ? longest : LARGEST * last, longest)
  if (error(longer) <= 1) return longer
  // The error grows with the step.
  for (let i = 0; i < 40; i++) {
    const middle = (shorter + longer) / 2
    if (error(middle) > 1) longer = middle
    else shorter = middle
  }
  return shorter
}

/** The height after a step of at most a size in ln z on the way to `stop`, which equal steps would reach. */
export function heightAfter(height: number, step: number, stop: number): number {
  const left = Math.log(height / stop)
  const steps = Math.ceil(left / step)
  return steps <= 1 ? stop : height * Math.exp(-left / steps)
}
