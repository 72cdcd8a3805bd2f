import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { History, smoothed } from '../../src/page/training/history.js'
import { rowsOf } from '../../src/page/training/settings.js'

const part = (points: { step: number; values: Record<string, number> }[], next = 1) => ({
  ...{ id: 'run', from: 0, next },
  points,
})

describe('the history of a run', () => {
  it('has what was measured, by names', () => {
    const history = new History('run')
    history.add(part([{ step: 10, values: { loss: 3, learningRate: 1 } }], 50))
    history.add(part([{ step: 10, values: { validationLoss: 2 } }], 90))
    history.add(part([{ step: 20, values: { loss: 1 } }], 120))
    expect(history.of('loss')).toEqual({ steps: [10, 20], values: [3, 1] })
    expect(history.of('validationLoss')).toEqual({ steps: [10], values: [2] })
    expect(history.of('energyDistance')).toEqual({ steps: [], values: [] })
    expect(history.next).toBe(120)
  })

  it('forgets what was trained once more after a crash', () => {
    const history = new History('run')
    const steps = (...all: number[]) => part(all.map((step) => ({ step, values: { loss: step } })))
    history.add(steps(10, 20, 30, 40))
    history.add(part([{ step: 40, values: { validationLoss: 4 } }]))
    history.add(steps(30))
    expect(history.of('loss').steps).toEqual([10, 20, 30])
    expect(history.of('validationLoss').steps).toEqual([])
  })

  it('rises, and ends with the newest, whatever the log says', () => {
    const points = fc.array(fc.record({ step: fc.nat(50), values: fc.record({ loss: fc.nat() }) }))
    fc.assert(
      fc.property(points, (all) => {
        const history = new History('run')
        history.add(part(all))
        const { steps, values } = history.of('loss')
        // Those that no later one is as early as.
        const expected = all.filter(({ step }, i) => all.slice(i + 1).every((later) => later.step > step))
        expect(steps).toEqual(expected.map(({ step }) => step))
        expect(values).toEqual(expected.map((point) => point.values.loss))
      }),
    )
  })
})

describe('a smoothed line', () => {
  it('is the mean of what was, whose weights fall by the factor', () => {
    const numbers = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { maxLength: 30 })
    fc.assert(
      fc.property(numbers, fc.double({ min: 0, max: 0.99, noNaN: true }), (values, factor) => {
        const found = smoothed(values, factor)
        for (const [i, value] of found.entries()) {
          const weights = values.slice(0, i + 1).map((_, j) => factor ** (i - j))
          const total = weights.reduce((sum, each) => sum + each, 0)
          const mean = weights.reduce((sum, each, j) => sum + each * values[j]!, 0) / total
          expect(Math.abs(value - mean)).toBeLessThan(1e-9)
        }
      }),
    )
  })
})

it('settings are compared, the nested ones by their paths', () => {
  const first = { data: 'digits', shape: [1, 8, 8], flow: { zMax: 17.88363137948031 }, keep: 3 }
  const second = { data: 'digits', shape: [2], flow: { zMax: 5, D: 64 }, keep: 3 }
  expect(rowsOf([first, second])).toEqual([
    { setting: 'data', values: ['digits', 'digits'], isShared: true },
    { setting: 'shape', values: ['[1, 8, 8]', '[2]'], isShared: false },
    { setting: 'flow.zMax', values: ['17.8836', '5'], isShared: false },
    { setting: 'keep', values: ['3', '3'], isShared: true },
    { setting: 'flow.D', values: ['–', '64'], isShared: false },
  ])
  expect(rowsOf([])).toEqual([])
})
