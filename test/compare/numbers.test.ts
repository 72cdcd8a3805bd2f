import { describe, expect, it } from 'vitest'
import { distance, spread } from '../../src/compare/report/numbers.js'

describe('numbers of the report', () => {
  it.each([
    [-0.000028, '0.0000'],
    [-0.00017, '−0.0002'],
    [1.234, '1.23'],
    [undefined, '–'],
  ])('a distance of %s is %s', (value, text) => expect(distance(value)).toBe(text))

  it.each([
    [-0.000028, 0.00016, '0.0000 ± 0.0002'],
    [-0.000174, 0.000027, '−0.00017 ± 0.00003'],
    [0.0653, 0, '0.0653 ± 0.0000'],
  ])('%s with a deviation of %s is %s', (mean, deviation, text) => expect(spread(mean, deviation)).toBe(text))
})
