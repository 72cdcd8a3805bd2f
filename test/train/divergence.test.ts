import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DivergenceWatch } from '../../src/train/divergence.js'

/** Steps at which divergence is said. */
function said(losses: readonly number[], dimensions = 2): number[] {
  const watch = new DivergenceWatch(dimensions)
  return losses.flatMap((loss, i) => (watch.after(loss) ? [i] : []))
}
const times = (count: number, loss: (i: number) => number) => Array.from({ length: count }, (_, i) => loss(i))

it('a loss that grows and stays is said once, soon', () => {
  const steps = said([...times(300, (i) => 2 / (1 + i / 10)), ...times(1000, () => 1e6)])
  expect(steps).toHaveLength(1)
  expect(steps[0]).toBeGreaterThan(300)
  expect(steps[0]).toBeLessThan(400)
})

it('a run that goes on from there says it, too', () => {
  expect(said(times(100, () => 1e30))).toHaveLength(1)
})

it('one that falls, jumps about or has a bad step is left alone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.2, max: 3, noNaN: true }), { minLength: 200, maxLength: 600 }),
      (noise) => {
        const losses = noise.map((factor, i) => (factor * 2) / (1 + i / 50))
        losses[100] = 50
        expect(said(losses)).toEqual([])
      },
    ),
  )
})
