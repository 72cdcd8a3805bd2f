import { describe, expect, it } from 'vitest'
import type { PfgmErrorCode } from '../../src/errors.js'
import { checkNorm, checkRange } from '../../src/train/data-checks.js'

const check = (minimum: number, maximum: number, shape = [1, 8, 8], pixels = false) =>
  checkRange({ name: 'mine', count: 4, shape, minimum, maximum, pixels })

describe('images', () => {
  it('in [-1, 1], or of pixels, are as they should be', () => {
    expect(check(-1, 1)).toEqual([])
    expect(check(-1.2, 1.3)).toEqual([])
    expect(check(0.1, 1, [3, 8, 8], true)).toEqual([])
  })

  it('in [0, 1] are told of, with what mends them', () => {
    expect(check(0, 1)).toEqual([expect.stringMatching(/in \[-1, 1\] but they span 0 to 1, .*`2 \* x - 1`/)])
  })

  it('that were normalised otherwise are told of, and how to undo it', () => {
    expect(check(-2.1179, 2.64, [3, 8, 8])).toEqual([expect.stringMatching(/span -2.12 to 2.64, .*undo it/)])
  })

  it.each([
    [0, 255, 'give them as uint8, or train on `x / 127.5 - 1`'],
    [0, 65535, 'train on `2 * x / 65535 - 1`'],
    [-128, 127, 'train on `2 * (x - lowest) / (highest - lowest) - 1`'],
  ])('from %d to %d are refused', (minimum, maximum, cure) => {
    expect(() => check(minimum, maximum)).toThrow(
      expect.objectContaining({
        code: 'ERR_PFGM_DATA' satisfies PfgmErrorCode,
        message: expect.stringContaining(cure),
      }),
    )
  })

  it('with channels that no picture has may have any values, but are told of', () => {
    expect(check(-4, 300, [4, 8, 8])).toEqual([expect.stringContaining('standard deviation')])
  })
})

it('data of one value is refused, whatever it is', () => {
  expect(() => check(0, 0)).toThrow('Expected images that differ but all values of mine are 0')
  expect(() => check(1, 1, [1, 8, 8], true)).toThrow('there is nothing to learn')
  expect(() => check(0, 0, [2])).toThrow('Expected points that differ')
})

it('points far from 1 are told of, with what mends them', () => {
  expect(check(-1000, 5000, [2])).toEqual([])
  expect(checkNorm('mine', 1.4)).toEqual([])
  for (const norm of [0.01, 142]) {
    expect(checkNorm('mine', norm)).toEqual([expect.stringContaining(`are ${norm} from it on average`)])
  }
  expect(checkNorm('mine', 142)[0]).toContain('train on `(x - mean) / s`')
})
