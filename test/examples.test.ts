import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { digits } from '../src/data/digits.js'
import { PoissonFlow } from '../src/poisson-flow.js'
import { sharedFolder } from './cli/cli.js'

const folder = sharedFolder()

/** Runs a file of `examples/` to its end. */
async function example(name: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const file = fileURLToPath(new URL(`../examples/${name}`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}

it('onnx-euler draws a digit in ONNX Runtime alone', async () => {
  const file = join(folder, 'digits.onnx')
  using flow = await PoissonFlow.load('digits')
  await flow.export(file)
  const { code, output } = await example('onnx-euler.js', file, '0')
  expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^([ .:\-=+*#%@]{16}\n){8}$/) })
  // Of 128 letters: strokes and the paper around them.
  const ink = output.replaceAll(/[ \n]/g, '').length
  expect(ink).toBeGreaterThan(20)
  expect(ink).toBeLessThan(110)
})

it('fill-half draws digits whose upper halves are the given ones and whose lower halves are new', async () => {
  const path = join(folder, 'filled.png')
  const { code, output } = await example('fill-half.js', path)
  expect({ code, output }).toEqual({ code: 0, output: `${path}: 3 fills of 10 digits\n` })
  const { data, info } = await sharp(path).greyscale().raw().toBuffer({ resolveWithObject: true })
  const { values } = await digits()
  // 10 columns and 5 rows of 8 x 8 pixels, each `zoom` wide, with gaps of half of that.
  const zoom = Math.round(info.width / 85)
  expect([info.width, info.height]).toEqual([85 * zoom + zoom / 2, 42.5 * zoom + zoom / 2])
  const pixel = (row: number, column: number, y: number, x: number): number => {
    const [top, left] = [row * 8.5 + 0.5 + y, column * 8.5 + 0.5 + x].map((place) => place * zoom)
    return data[top! * info.width + left!]!
  }
  let lower = 0
  let away = 0
  for (let column = 0; column < 10; column++) {
    for (let i = 0; i < 64; i++) {
      const [y, x] = [Math.floor(i / 8), i % 8]
      const wanted = values[column * 64 + i]!
      const fills = [2, 3, 4].map((row) => pixel(row, column, y, x))
      if (y < 4) for (const fill of fills) expect(Math.abs(fill - wanted)).toBeLessThanOrEqual(1)
      else {
        lower += 1
        away += Math.abs(fills[0]! - fills[1]!) > 20 ? 1 : 0
      }
    }
  }
  // Different starts fill differently, though not everywhere.
  expect(away / lower).toBeGreaterThan(0.1)
})
