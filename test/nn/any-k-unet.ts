import fc from 'fast-check'
import type { KUnetConfig } from '../../src/nn/config.js'
import { K_UNET } from './small-networks.js'

/** A network of k-diffusion with 1 to 3 levels of 1 or 2 blocks. */
export const anyKUnet: fc.Arbitrary<KUnetConfig> = fc
  .array(
    fc.record({
      depth: fc.integer({ min: 1, max: 2 }),
      channels: fc.constantFrom(8, 16, 24, 64, 128),
      attends: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .chain((levels) =>
    fc
      .record({ height: fc.integer({ min: 2, max: 4 }), width: fc.integer({ min: 2, max: 4 }) })
      .map((size) => ({
        ...K_UNET,
        imageSize: [size.height << (levels.length - 1), size.width << (levels.length - 1)] as const,
        depths: levels.map(({ depth }) => depth),
        blockChannels: levels.map(({ channels }) => channels),
        attends: levels.map(({ attends }) => attends),
      })),
  )
