import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { densityImage } from '../../src/pictures/density.js'
import { temporaryFolders } from '../data/temporary.js'
import { gaussiansFlow, logDensity } from '../gaussians-flow.js'
import { publishedFlow } from '../published-flow.js'

const newFolder = temporaryFolders()

/** No symmetry, so that no axis can be mistaken for another. */
const MIXTURE = {
  centres: [
    [0.7, 0.3],
    [-0.5, 0.6],
    [0.1, -0.4],
  ],
  deviation: 0.15,
}

describe('the density on a grid', () => {
  it('is that of the mixture whose field is followed, cell by cell, and integrates to 1', async () => {
    using flow = await gaussiansFlow(MIXTURE, 2000)
    const [side, extent] = [24, 1.5]
    const found = await flow.density({ side, extent, rtol: 1e-6, atol: 1e-6 })
    using density = found.density
    expect(density.shape).toEqual([side, side])
    const values = await density.data()
    const at = (i: number) => ((i + 0.5) / side - 0.5) * 2 * extent
    for (const [i, p] of values.entries()) {
      const [x, y] = [at(i % side), -at(Math.floor(i / side))]
      expect(Math.abs(p - Math.exp(logDensity(MIXTURE, [x, y], 1e-3)))).toBeLessThan(1e-3)
    }
    // The height z_min leaves about z_min / extent of it outside the square.
    expect(Math.abs(found.integral - 1)).toBeLessThan(2e-3)
  })

  it('is drawn with its first axis to the right and its second upward, the densest darkest', async () => {
    using flow = await gaussiansFlow(MIXTURE, 100)
    const { density } = await flow.density({ side: 20, extent: 1, rtol: 1e-3, atol: 1e-3 })
    using image = await densityImage(density)
    density.dispose()
    const path = join(await newFolder(), 'density.png')
    await image.savePng(path, { zoom: 8 })
    const { data, info } = await sharp(path).extractChannel(0).raw().toBuffer({ resolveWithObject: true })
    const shade = ([x, y]: readonly number[]) => {
      const across = Math.floor(((x! + 1) / 2) * info.width)
      return data[Math.floor(((1 - y!) / 2) * info.height) * info.width + across]!
    }
    for (const centre of MIXTURE.centres) expect(shade(centre)).toBeLessThan(60)
    expect(shade([-0.7, -0.7])).toBeGreaterThan(250)
    expect(shade([0.7, -0.3])).toBeGreaterThan(250)
  })

  it('is refused of images', async () => {
    using flow = await publishedFlow()
    await expect(flow.density()).rejects.toThrow(
      'Expected a model of points in the plane, of shape [2], but received one of [3, 8, 8]',
    )
    using points = await gaussiansFlow(MIXTURE, 100)
    await expect(points.density({ side: 1 })).rejects.toThrow('Expected side to be an integer from 2 to 4096')
  })
})
