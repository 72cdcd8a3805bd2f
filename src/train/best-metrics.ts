import { hasFrechetDistance } from '../metrics/most-features.js'
import type { Measured } from './events.js'

/** What the best model can be told by, the lower the better, and the setting without which it is not measured. A new metric is a line here. */
const METRICS = {
  'validation-loss': { of: ({ validationLoss }) => validationLoss, needs: 'validation' },
  'energy-distance': { of: ({ distance }) => distance?.value, needs: 'evaluationCount' },
  fd: { of: ({ distance }) => distance?.frechet, needs: 'evaluationCount' },
} as const satisfies Record<
  string,
  { of: (measured: Measured) => number | undefined; needs: 'validation' | 'evaluationCount' }
>

/** One of `BEST_METRICS`. */
export type BestMetric = keyof typeof METRICS
/** What the best model of a run can be told by; lower is better. */
export const BEST_METRICS = Object.keys(METRICS) as readonly BestMetric[]

/** Undefined where it was not measured. */
export function valueBy(metric: BestMetric, measured: Measured): number | undefined {
  return METRICS[metric].of(measured)
}

/** @throws RangeError where a metric would never be measured, or nothing would be */
export function expectMeasured(
  metric: BestMetric | undefined,
  settings: {
    readonly shape: readonly number[]
    readonly validation?: unknown
    readonly evaluationCount: number
    readonly evaluateEvery: number
  },
): void {
  const { shape, validation, evaluationCount, evaluateEvery } = settings
  const needs = metric && METRICS[metric].needs
  if (needs === 'validation' && validation === undefined) {
    throw new RangeError(`Expected validation for keepBest ${metric} but received none`)
  }
  if (metric === 'fd' && !hasFrechetDistance(shape)) {
    throw new RangeError(
      `Expected keepBest to be validation-loss or energy-distance for items of [${shape.join(', ')}], which have too many numbers for a Frechet distance, but received fd`,
    )
  }
  if (evaluationCount > 1) return
  const wanted = 'Expected evaluationCount to be at least 2'
  if (needs === 'evaluationCount') {
    throw new RangeError(`${wanted} for keepBest ${metric} but received ${evaluationCount}`)
  }
  if (evaluateEvery > 0 && validation === undefined) {
    throw new RangeError(`${wanted} for evaluateEvery, without a validation, but received ${evaluationCount}`)
  }
}
