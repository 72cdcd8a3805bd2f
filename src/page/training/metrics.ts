/** What is shown of logs, by the names that these have for it. */
export interface Metric {
  readonly name: string
  readonly title: string
  /** Whether it jumps about from step to step, so that a smoothed line is shown before it. */
  readonly isRough: boolean
  /** Whether it may be shown on a logarithmic axis: what falls by powers of ten. */
  readonly mayBeLogarithmic: boolean
  /** Measured now and then: each time is a dot. */
  readonly isRare: boolean
}

const metric = (name: string, title: string, is: Partial<Metric> = {}): Metric => ({
  name,
  title,
  isRough: false,
  mayBeLogarithmic: false,
  isRare: false,
  ...is,
})

export const METRICS: readonly Metric[] = [
  metric('loss', 'Loss', { isRough: true, mayBeLogarithmic: true }),
  metric('validationLoss', 'Validation loss', { mayBeLogarithmic: true, isRare: true }),
  metric('energyDistance', 'Energy distance to the data', { mayBeLogarithmic: true, isRare: true }),
  metric('frechetDistance', 'Fréchet distance to the data', { mayBeLogarithmic: true, isRare: true }),
  metric('imagesPerSecond', 'Items a second'),
  metric('learningRate', 'Learning rate'),
  metric('gradientNorm', 'Norm of the gradient', { isRough: true, mayBeLogarithmic: true }),
]
