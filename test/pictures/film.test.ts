import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import type { Film } from '../../src/ode/pool/film.js'
import { saveFilm } from '../../src/pictures/film.js'
import { Tensor } from '../../src/tensor/tensor.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-film-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Two samples of 4 x 4 in three frames: frame f of sample i is as bright as f + 3 i of 5. */
async function film(): Promise<Film> {
  const values = Float32Array.from({ length: 2 * 3 * 16 }, (_, i) => (Math.floor(i / 16) / 5) * 2 - 1)
  const images = await Tensor.from<'float32'>(values, [2, 3, 1, 4, 4])
  return { images, heights: Float64Array.of(3, 2, 1) }
}

describe('films as files', () => {
  it('.png is a strip: a sample in each row, a frame in each column', async () => {
    const path = join(folder, 'film.png')
    await saveFilm(await film(), path)
    const { data, info } = await sharp(path).greyscale().raw().toBuffer({ resolveWithObject: true })
    const [width, height] = [info.width / 3, (info.height - 4) / 2]
    const at = (row: number, column: number) =>
      data[Math.floor((row + 0.5) * height) * info.width + Math.floor((column + 0.5) * width)]
    expect([0, 1].map((row) => [0, 1, 2].map((column) => at(row, column)))).toEqual([
      [0, 51, 102],
      [153, 204, 255],
    ])
  })

  it.each(['webp', 'gif'])(
    '.%s moves: all samples, frame after frame, and stays at the last',
    async (format) => {
      const path = join(folder, `film.${format}`)
      await saveFilm(await film(), path, { columns: 2, delay: 50 })
      const {
        pages,
        delay,
        loop,
        pageHeight = 0,
        width = 0,
      } = await sharp(path, { animated: true }).metadata()
      expect({ pages, delay, loop }).toEqual({ pages: 3, delay: [50, 50, 750], loop: 0 })
      for (const page of [0, 1, 2]) {
        const { data, info } = await sharp(path, { page })
          .greyscale()
          .raw()
          .toBuffer({ resolveWithObject: true })
        expect([info.width, info.height]).toEqual([width, pageHeight])
        const middle = Math.floor(pageHeight / 2) * width
        const brightness = [0.25, 0.75].map((x) => data[middle + Math.floor(x * width)]!)
        // A GIF has a palette of few colours.
        for (const [i, found] of brightness.entries())
          expect(Math.abs(found - 51 * (page + 3 * i))).toBeLessThan(4)
      }
    },
  )

  it('points are drawn as their density', async () => {
    const values = Float32Array.from({ length: 5 * 3 * 2 }, (_, i) => Math.sin(i))
    const images = await Tensor.from<'float32'>(values, [5, 3, 2])
    const path = join(folder, 'points.webp')
    await saveFilm({ images, heights: Float64Array.of(3, 2, 1) }, path)
    expect(await sharp(path, { animated: true }).metadata()).toMatchObject({ pages: 3, pageHeight: 512 })
  })

  it('refuses other endings and places that cannot be written, and leaves nothing there', async () => {
    const before = readdirSync(folder)
    await expect(saveFilm(await film(), join(folder, 'film.mp4'))).rejects.toThrow(
      'Expected path to end in one of .png, .webp, .gif but received',
    )
    await expect(saveFilm(await film(), join(folder, 'missing', 'film.gif'))).rejects.toThrow(
      'Could not write',
    )
    expect(readdirSync(folder)).toEqual(before)
  })
})
