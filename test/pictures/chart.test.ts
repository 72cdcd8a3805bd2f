import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { bar, horizontal, logarithmic, page, powersOfTen, rangeOf, text } from '../../src/pictures/chart.js'

describe('charts', () => {
  it('have logarithmic axes, up and down the page', () => {
    const range = rangeOf([100, 1, 10])
    const [x, y] = [logarithmic(range, 50, 250), logarithmic(range, 250, 50)]
    const rounded = [1, 10, 100].flatMap((value) => [x(value), y(value)]).map((at) => Number(at.toFixed(9)))
    expect(rounded).toEqual([50, 250, 150, 150, 250, 50])
  })

  it('place a value that is alone', () => {
    expect(logarithmic(rangeOf([7]), 50, 250)(7)).toBe(50)
  })

  it('have ticks at the powers of ten, the ends among them', () => {
    expect(powersOfTen({ low: 1e-5, high: 1e-3 })).toEqual([1e-5, 1e-4, 1e-3])
    expect(powersOfTen({ low: 0.5, high: 1000 })).toEqual([1, 10, 100, 1000])
    expect(powersOfTen(rangeOf([]))).toEqual([])
  })

  it('are read by others, whatever they are called', async () => {
    const marks = [text(10, 90, 'a < b & "c"', { size: 12 }), horizontal(95, 10, 60)]
    const svg = page({ width: 200, height: 100, label: 'a "b" <c> & d', title: '<&"' }, [
      bar({ x: 150, y: 60 }, 40, 20, '#ff0000'),
      ...marks,
    ])
    const { data, info } = await sharp(Buffer.from(svg)).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([200, 100])
    const at = (x: number, y: number) => [...data.subarray((y * 200 + x) * info.channels)].slice(0, 3)
    expect([at(170, 70), at(120, 70)]).toEqual([
      [255, 0, 0],
      [255, 255, 255],
    ])
  })
})
