import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deis, ipndm } from '../../../src/ode/multistep-methods/adams-bashforth.js'
import {
  DPM_SOLVER_2M,
  DPM_SOLVER_3M,
  exponentialMoments,
  unipc,
} from '../../../src/ode/multistep-methods/dpm-solver.js'
import type { MultistepMethod } from '../../../src/ode/multistep-methods/multistep-method.js'
import { karrasHeights } from '../../../src/ode/schedules/karras.js'
import { slope } from '../linear-problem.js'

/** Data of standard deviation s around 0: d(x, z) = x s^2 / (s^2 + z^2), and x grows as sqrt(s^2 + z^2). */
const S = 0.7
const path = (z: number): number => 2 * Math.sqrt(S ** 2 + z ** 2)
const denoised = (x: number, z: number): number => (x * S ** 2) / (S ** 2 + z ** 2)

function known({ view }: MultistepMethod, x: number, z: number): number {
  return view === 'denoised' ? denoised(x, z) : (x - denoised(x, z)) / z
}

/** Error at the last height; the values before the first step are exact, so that no lower order begins. */
function error(method: MultistepMethod, heights: Float64Array): number {
  const { order } = method
  let history = Array.from(heights.slice(0, order), (z) => ({ z, f: known(method, path(z), z) })).reverse()
  let x = path(heights[order - 1]!)
  const state = (from: number, to: number, values: typeof history) => {
    const { ofX, ofKnown } = method.weights(
      from,
      to,
      values.map(({ z }) => z),
    )
    return values.reduce((sum, { f }, j) => sum + ofKnown[j]! * f, ofX * x)
  }
  for (let i = order; i < heights.length; i++) {
    const [from, to] = [heights[i - 1]!, heights[i]!]
    const predicted = state(from, to, history.slice(0, order))
    const there = { z: to, f: known(method, predicted, to) }
    x = method.corrects ? state(from, to, [there, ...history.slice(0, order)]) : predicted
    const newest = method.corrects ? there : { z: to, f: known(method, x, to) }
    history = [newest, ...history].slice(0, order)
  }
  return Math.abs(x - path(heights.at(-1)!))
}

const shownOrder = (method: MultistepMethod, grid: (steps: number) => Float64Array): number => {
  const counts = [120, 160, 240, 320]
  return slope(
    counts.map((n) => error(method, grid(n))),
    counts.map((n) => 1 / n),
  )
}

describe('linear multistep methods', () => {
  const methods: [string, MultistepMethod, number][] = [
    ['dpm2m', DPM_SOLVER_2M, 2],
    ['dpm3m', DPM_SOLVER_3M, 2],
    ['unipc of order 1', unipc('unipc', 1), 2],
    ['unipc of order 2', unipc('unipc', 2), 3],
    ['unipc of order 3', unipc('unipc', 3), 4],
    ['unipc of order 3, damped', unipc('damped', 3, 4), 4],
    ['deis of order 1', deis(1), 1],
    ['deis of order 2', deis(2), 2],
    ['deis of order 3', deis(3), 3],
    ['deis of order 4', deis(4), 4],
  ]
  it.each(methods)('%s shows its order on the unequal steps of a Karras schedule', (_, method, order) => {
    const shown = shownOrder(method, (steps) => karrasHeights(10, 0.1, steps, 7))
    expect(Math.abs(shown - order)).toBeLessThan(0.4)
  })

  it.each([1, 2, 3, 4])('ipndm of order %d shows it on equal steps', (order) => {
    const grid = (steps: number) => Float64Array.from({ length: steps + 1 }, (_, i) => 3 - (2.5 * i) / steps)
    expect(Math.abs(shownOrder(ipndm(order), grid) - order)).toBeLessThan(0.4)
  })

  const ladder = fc
    .array(fc.double({ min: 0.05, max: 2, noNaN: true }), { minLength: 5, maxLength: 5 })
    .map((gaps) => {
      const heights = [1e-3]
      for (const gap of gaps) heights.push(heights.at(-1)! * Math.exp(gap))
      return heights
    })

  it('deis of order p integrates drifts of degree p - 1 in z exactly, whatever the steps', () => {
    fc.assert(
      fc.property(ladder, fc.integer({ min: 1, max: 4 }), (heights, order) => {
        const [to, from] = [heights[0]!, heights[1]!]
        const nodes = heights.slice(1, 1 + order)
        const { ofX, ofKnown } = deis(order).weights(from, to, nodes)
        expect(ofX).toBe(1)
        for (let degree = 0; degree < order; degree++) {
          const sum = nodes.reduce((total, z, j) => total + ofKnown[j]! * (z / from) ** degree, 0)
          const exact = (from * ((to / from) ** (degree + 1) - 1)) / (degree + 1)
          const size = nodes.reduce((total, z, j) => total + Math.abs(ofKnown[j]! * (z / from) ** degree), 0)
          expect(Math.abs(sum - exact)).toBeLessThan(1e-10 * size)
        }
      }),
    )
  })

  it('a point that is its own denoised value stays, whatever the steps', () => {
    const exponential = methods.filter(([, { view }]) => view === 'denoised')
    fc.assert(
      fc.property(ladder, fc.constantFrom(...exponential), (heights, [, method]) => {
        const nodes = heights.slice(method.corrects ? 0 : 1, 1 + method.order)
        const { ofX, ofKnown } = method.weights(heights[1]!, heights[0]!, nodes)
        const size = ofKnown.reduce((total, weight) => total + Math.abs(weight), 1)
        const sum = ofKnown.reduce((total, weight) => total + weight, ofX)
        expect(Math.abs(sum - 1)).toBeLessThan(1e-10 * size)
      }),
    )
  })

  it.each([1e-9, 1e-3, 0.5, 0.999, 1.001, 4, 20])('moments of exp(-h (1 - theta)), h = %d', (h) => {
    for (const [k, moment] of exponentialMoments(h, 5).entries()) {
      const n = 20_000 // Simpson's rule
      let sum = 0
      for (let i = 0; i <= n; i++) {
        const weight = i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2
        sum += (weight * h * Math.exp(-h * (1 - i / n)) * (i / n) ** k) / (3 * n)
      }
      expect(Math.abs(moment / sum - 1)).toBeLessThan(1e-10)
    }
  })
})
