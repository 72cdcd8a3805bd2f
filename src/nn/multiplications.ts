import { sides } from '../arguments/image-size.js'
import type { UnetConfig } from './config.js'

/** Multiplications of an image's convolutions and attention as they are written, without any that a faster form saves. */
export function multiplications(network: UnetConfig): number {
  const { imageSize, channels, nf, chMult, numResBlocks, attnResolutions } = network
  const [height, width] = sides(imageSize)
  const levels = chMult.map((factor, halvings) => ({
    pixels: (height >> halvings) * (width >> halvings),
    channels: nf * factor,
    attends: attnResolutions.includes(Math.max(height, width) >> halvings),
  }))
  const block = (from: number, to: number, pixels: number, skip = from !== to) =>
    (9 * from * to + 9 * to * to + (skip ? from * to : 0)) * pixels
  const attention = ({ pixels, channels }: (typeof levels)[number]) =>
    4 * channels ** 2 * pixels + 2 * channels * pixels ** 2

  let sum = 9 * channels * nf * height * width
  let from = nf
  const skips = [nf]
  for (const [i, level] of levels.entries()) {
    for (let j = 0; j < numResBlocks; j++) {
      sum += block(from, level.channels, level.pixels) + (level.attends ? attention(level) : 0)
      from = level.channels
      skips.push(from)
    }
    const next = levels[i + 1]
    if (!next) continue
    sum += block(from, from, next.pixels, true)
    skips.push(from)
  }
  const lowest = levels.at(-1)!
  sum += 2 * block(from, from, lowest.pixels) + attention(lowest)
  for (const [i, level] of [...levels.entries()].reverse()) {
    for (let j = 0; j <= numResBlocks; j++) {
      sum += block(from + skips.pop()!, level.channels, level.pixels)
      from = level.channels
    }
    if (level.attends) sum += attention(level)
    const next = levels[i - 1]
    if (next) sum += block(from, from, next.pixels, true)
  }
  return sum + 9 * from * (channels + 1) * height * width
}
