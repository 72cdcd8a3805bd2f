import type { Measured } from './events.js'

/** What the best model can be told by, the lower the better, and the setting without which it is not measured. A new metric is a line here. */
const METRICS = {
  'validation-loss': { of: ({ validationLoss }) => validationLoss, needs: 'validation' },
  'energy-distance': { of: ({ distance }) => distance?.value, needs: 'evaluationCount' },
} as const satisfies Record<
  string,
  { of: (measured: Measured) => number | undefined; needs: 'validation' | 'evaluationCount' }
>

export type BestMetric = keyof typeof METRICS
export const BEST_METRICS = Object.keys(METRICS) as readonly BestMetric[]

/** Undefined where it was not measured. */
export function valueBy(metric: BestMetric, measured: Measured): number | undefined {
  return METRICS[metric].of(measured)
}

/** @throws RangeError where a metric would never be measured */
export function expectMeasured(
  metric: BestMetric | undefined,
  settings: { readonly validation?: unknown; readonly evaluationCount: number },
): void {
  const needs = metric && METRICS[metric].needs
  if (needs === 'validation' && settings.validation === undefined) {
    throw new RangeError(`Expected validation for keepBest ${metric} but received none`)
  }
  if (needs === 'evaluationCount' && settings.evaluationCount <= 1) {
    throw new RangeError(
      `Expected evaluationCount to be at least 2 for keepBest ${metric} but received ${settings.evaluationCount}`,
    )
  }
}
