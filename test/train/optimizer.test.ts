import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LEARNING_RATE_SCHEDULES, learningRateAt } from '../../src/train/optimizer.js'

const at = (
  step: number,
  learningRateSchedule: (typeof LEARNING_RATE_SCHEDULES)[number],
  warmup = 100,
  steps = 1100,
) => learningRateAt(step, { learningRate: 2, learningRateSchedule, warmup, steps })

describe.each(LEARNING_RATE_SCHEDULES)('%s', (schedule) => {
  it('rises over the warm-up, is largest at its end, and never rises again nor falls below 0', () => {
    expect([at(0, schedule), at(50, schedule), at(100, schedule)]).toEqual([0, 1, 2])
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 300 }),
        (warmup, steps, step) => {
          const [before, after] = [step, step + 1].map((one) => at(one, schedule, warmup, steps))
          expect(after).toBeGreaterThanOrEqual(0)
          expect(after).toBeLessThanOrEqual(2)
          if (step >= warmup) expect(after).toBeLessThanOrEqual(before!)
        },
      ),
    )
  })
})

it('falls as its name says', () => {
  const of = (schedule: (typeof LEARNING_RATE_SCHEDULES)[number]) =>
    [350, 600, 1100].map((step) => at(step, schedule))
  expect(of('constant')).toEqual([2, 2, 2])
  expect(of('linear')).toEqual([1.5, 1, 0])
  const cosine = of('cosine')
  expect(cosine[0]).toBeCloseTo(1 + Math.SQRT1_2, 12)
  expect(cosine[1]).toBeCloseTo(1, 12)
  expect(cosine[2]).toBeCloseTo(0, 12)
  expect(at(400, 'invsqrt')).toBeCloseTo(1, 12)
})
