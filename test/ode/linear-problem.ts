import fc from 'fast-check'

/** x' = lambda (x - s(t)) + s'(t), s = cos(omega t + phase), from x(0) = s(0) + c: x = s + c exp(lambda t). */
export interface LinearProblem {
  lambda: number
  omega: number
  phase: number
  c: number
}

export const drift = ({ lambda, omega, phase }: LinearProblem, t: number, x: number): number =>
  lambda * (x - Math.cos(omega * t + phase)) - omega * Math.sin(omega * t + phase)

export const solution = ({ lambda, omega, phase, c }: LinearProblem, t: number): number =>
  Math.cos(omega * t + phase) + c * Math.exp(lambda * t)

const double = (min: number, max: number) => fc.double({ min, max, noNaN: true })

const problems = (min: number, max: number): fc.Arbitrary<LinearProblem> =>
  fc.record({ lambda: double(min, max), omega: double(3, 6), phase: double(0, 6), c: double(0.5, 2) })

export const decaying = problems(-2, 0)
export const growingOrDecaying = problems(-2, 2)
/** Their decay is many times faster than what the solution tends to moves. */
export const stiff = problems(-40, -20)

/** Slope of log error against log step: the order that a method shows. */
export function slope(errors: readonly number[], steps: readonly number[]): number {
  const x = steps.map(Math.log)
  const y = errors.map(Math.log)
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [mx, my] = [mean(x), mean(y)]
  const covariance = x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0)
  return covariance / x.reduce((sum, value) => sum + (value - mx) ** 2, 0)
}
