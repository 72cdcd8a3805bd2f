import fc from 'fast-check'
import { type ImageSize, imageSizeOf, sides } from '../../src/arguments/image-size.js'
import type { UnetConfig } from '../../src/nn/config.js'

/** U-Nets of every kind, of a few sizes: `base` with other options, of one of the widths. */
export function anyUnet(base: UnetConfig, nf: number[]): fc.Arbitrary<UnetConfig> {
  return fc
    .record({
      channels: fc.integer({ min: 1, max: 5 }),
      imageSize: fc.constantFrom<ImageSize>(1, 2, 5, 7, 8, 11, 20, [8, 5], [3, 14]),
      nf: fc.constantFrom(...nf),
      chMult: fc.constantFrom<number[]>([1], [2], [1, 2], [3, 1]),
      numResBlocks: fc.integer({ min: 1, max: 2 }),
      dropout: fc.constantFrom(0, 0.3),
      skipRescale: fc.boolean(),
      centered: fc.boolean(),
      output: fc.constantFrom('field' as const, 'image' as const),
      labels: fc.constantFrom(0, 3),
      embedding: fc.constantFrom('positional' as const, 'fourier' as const),
      progressiveInput: fc.constantFrom('none' as const, 'input_skip' as const, 'residual' as const),
      progressiveCombine: fc.constantFrom('sum' as const, 'cat' as const),
      resblock: fc.constantFrom('biggan' as const, 'ddpm' as const),
      resampWithConv: fc.boolean(),
      fir: fc.boolean(),
      attends: fc.boolean(),
    })
    .filter(({ resblock, fir, resampWithConv }) => !(resblock === 'ddpm' && fir && resampWithConv))
    .map(({ attends, ...options }) => {
      const given = sides(options.imageSize)
      const factor = options.chMult.length > 1 && given.some((side) => side % 2) ? 2 : 1
      const imageSize = imageSizeOf([factor * given[0], factor * given[1]])
      return {
        ...base,
        ...options,
        imageSize,
        attnResolutions: attends ? [Math.max(...sides(imageSize))] : [],
      }
    })
}
