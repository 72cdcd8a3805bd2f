import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { datasets, PoissonFlow, Tensor } from '../../src/index.js'
import { npyBytes } from '../data/npy-file.js'
import { EIGHT_GAUSSIANS, gaussiansFlow } from '../gaussians-flow.js'
import { jsonLines, run, sharedFolder, start, TINY_IMAGES } from './cli.js'

const folder = sharedFolder()
const LOOSE = ['--rtol', '1e-2', '--atol', '1e-2']

beforeAll(async () => {
  const { code, stderr } = await run(folder, 'train', ...TINY_IMAGES, '--steps', '6', '--out', 'model')
  if (code !== 0) throw new Error(stderr)
  const grey = (value: number) =>
    ({ create: { width: 8, height: 8, channels: 3, background: { r: value, g: value, b: value } } }) as const
  await sharp(grey(40)).png().toFile(join(folder, 'dark.png'))
  await sharp(grey(220)).png().toFile(join(folder, 'light.png'))
})

/** A file of encodings whose values are all the same. */
async function putEncodings(name: string, shape: number[], value: number): Promise<void> {
  const length = shape.reduce((product, size) => product * size, 1)
  using encodings = await Tensor.from<'float64'>(new Float64Array(length).fill(value), shape)
  await encodings.saveNpy(join(folder, name))
}

const asValue = (pixel: number) => pixel / 127.5 - 1

function worstDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length)
  return Math.max(...Array.from(found, (value, i) => Math.abs(value - expected[i]!)))
}

describe('paths between images and the far plane', () => {
  it('encode writes a NumPy file', async () => {
    const { code, stdout, stderr } = await run(folder, 'encode', 'model', 'dark.png', 'light.png', ...LOOSE)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^encodings\.npy: 2 encodings, float64 \[2, 1, 8, 8\]\n\d+ evaluations/)
    const bytes = readFileSync(join(folder, 'encodings.npy'))
    expect(bytes.subarray(10, 128).toString('latin1')).toContain("'descr': '<f8'")
    expect(bytes.length).toBe(128 + 2 * 64 * 8)
  })

  it('decode gives back what encode followed up', async () => {
    const count = 3
    const tight = ['--rtol', '1e-5', '--atol', '1e-5']
    const encoding = ['digits', '--count', String(count), '--out', 'three.npy']
    expect(await run(folder, 'encode', 'model', ...encoding)).toMatchObject({ code: 0 })
    const { code, stdout, stderr } = await run(folder, 'decode', 'model', 'three.npy', ...tight)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain(`100 %  ${count} of ${count} images`)
    expect(stdout).toMatch(/^decoded\.png: 3 images of three\.npy\n\d+ evaluations of the network an image, /)

    const pixels = ((await datasets.digits()).values as Uint8Array).subarray(0, count * 64)
    using digits = await Tensor.from<'float32'>(Float32Array.from(pixels, asValue), [count, 1, 8, 8])
    await digits.savePng(join(folder, 'digits.png'))
    const [drawn, expected] = await Promise.all(
      ['decoded.png', 'digits.png'].map((name) => sharp(join(folder, name)).raw().toBuffer()),
    )
    expect(worstDifference(drawn!, expected!)).toBeLessThanOrEqual(2) // grey levels, of 255

    const values = await run(
      folder,
      'decode',
      'model',
      'three.npy',
      ...tight,
      '--out',
      'values.npy',
      '--json',
    )
    expect(jsonLines(values)).toMatchObject([{ type: 'end', values: 'values.npy', count, unfinished: 0 }])
    using written = await Tensor.loadNpy(join(folder, 'values.npy'), 'float32')
    expect(written.shape).toEqual([count, 1, 8, 8])
    expect(worstDifference(await written.data(), await digits.data())).toBeLessThan(2 / 127.5)

    // The file holds the encodings to the bit, so the way through it gives what the library gives.
    using flow = await PoissonFlow.load(join(folder, 'model'))
    using bytes = await Tensor.from<'uint8'>(pixels, [count, 1, 8, 8])
    const { encodings } = await flow.encode(bytes)
    const { images } = await flow.decode(encodings, { rtol: 1e-5, atol: 1e-5 })
    expect(await written.data()).toEqual(await images.data())
    encodings.dispose()
    images.dispose()
  })

  it('decode takes the solvers and films of sample', async () => {
    await putEncodings('far.npy', [2, 1, 8, 8], 10)
    const args = ['--solver', 'unipc', '--steps', '4', '--film', 'decoding.webp', '--frames', '3', '--json']
    const ended = await run(folder, 'decode', 'model', 'far.npy', ...args)
    expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code: 0 })
    const expected = { picture: 'decoded.png', film: 'decoding.webp', count: 2, evaluations: 4 }
    expect(jsonLines(ended)).toMatchObject([expected])
    const { pages } = await sharp(join(folder, 'decoding.webp'), { animated: true }).metadata()
    expect(pages).toBe(3)
  })

  it('decode refuses what is no encoding of the model', async () => {
    const array = (
      name: string,
      descr: string,
      shape: number[],
      values: NodeJS.TypedArray,
      fortran?: string,
    ) => writeFileSync(join(folder, name), npyBytes(descr, shape, values, fortran))
    array('pixels.npy', '|u1', [2, 1, 8, 8], new Uint8Array(128))
    array('floats.npy', '<f4', [2, 1, 8, 8], new Float32Array(128))
    array('big.npy', '>f8', [2, 1, 8, 8], new Float64Array(128))
    array('fortran.npy', '<f8', [2, 1, 8, 8], new Float64Array(128), 'True')
    await putEncodings('flat.npy', [2, 64], 1)
    await putEncodings('nan.npy', [1, 1, 8, 8], Number.NaN)
    await putEncodings('remote.npy', [1, 1, 8, 8], 1e9)
    const remedy =
      " (npx pfgm-torch encode makes such files of images, numpy.ascontiguousarray(encodings, '<f8') such arrays)\n"
    const refused: readonly [string, number, string][] = [
      ['none.npy', 1, `none.npy: expected a NumPy file but received nothing: there is no such path${remedy}`],
      ['dark.png', 1, `dark.png: expected a NumPy file but received something else${remedy}`],
      ['pixels.npy', 1, `pixels.npy: expected little-endian float64 (<f8) but received uint8 (|u1)${remedy}`],
      ['floats.npy', 1, 'expected little-endian float64 (<f8) but received float32 (<f4)'],
      ['big.npy', 1, 'expected little-endian float64 (<f8) but received big-endian float64 (>f8)'],
      ['fortran.npy', 1, 'but received Fortran order'],
      [
        'flat.npy',
        2,
        'Expected encodings to be [count, 1, 8, 8] of float64, as encode gives them for this model,',
      ],
      ['nan.npy', 2, 'Expected encodings[0] to be finite but received one of norm NaN'],
      ['remote.npy', 2, 'but received 8000000000: was it encoded with another model?'],
    ]
    for (const [file, exitCode, message] of refused) {
      const { code, stdout, stderr } = await run(folder, 'decode', 'model', file, '--out', 'refused.png')
      expect({ code, stdout }, stderr).toEqual({ code: exitCode, stdout: '' })
      expect(stderr).toContain(message)
    }
    expect(readdirSync(folder)).not.toContain('refused.png')
  })

  it('likelihood prints a line an image, or one object with --json', async () => {
    const lines = await run(folder, 'likelihood', 'model', 'dark.png', 'light.png', ...LOOSE)
    expect({ code: lines.code, stderr: lines.stderr }).toMatchObject({ code: 0 })
    expect(lines.stdout).toMatch(
      /^dark\.png +-?[\d.]+ bits\/dim {2}-?[\d.]+ \+- [\d.]+ nats\nlight\.png .*\n$/,
    )
    const ended = await run(folder, 'likelihood', 'model', 'digits', '--count', '3', '--json', ...LOOSE)
    const [result] = jsonLines(ended) as { images: Record<string, unknown>[] }[]
    expect(result).toMatchObject({ type: 'end', divergence: 'hutchinson' })
    expect(result!.images.map(({ name }) => name)).toEqual(['digits[0]', 'digits[1]', 'digits[2]'])
    for (const image of result!.images) {
      const [bits, nats] = [image.bitsPerDimension as number, image.logLikelihood as number]
      expect(bits).toBeCloseTo(7 - nats / 64 / Math.LN2, 8)
    }
  })

  it('likelihood draws the density of points in the plane', async () => {
    using flow = await gaussiansFlow(EIGHT_GAUSSIANS, 100)
    await flow.save(join(folder, 'eight.safetensors'))
    const args = ['--density', 'density.png', '--side', '28', '--rtol', '1e-3', '--atol', '1e-3']
    const { code, stdout, stderr } = await run(folder, 'likelihood', 'eight.safetensors', ...args)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const [, integral] = /^density\.png\nthe density integrates to ([\d.]+) over/.exec(stdout)!
    expect(Math.abs(Number(integral) - 1)).toBeLessThan(0.01)
    const { width, height } = await sharp(join(folder, 'density.png')).metadata()
    expect({ width, height }).toEqual({ width: 232, height: 232 })
  })

  it('interpolate writes a strip between images or seeds', async () => {
    const args = ['--steps', '3', '--out', 'strip.png', '--json', ...LOOSE]
    const ended = await run(folder, 'interpolate', 'model', 'dark.png', '7', ...args)
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: expect.any(String) })
    expect(jsonLines(ended)).toMatchObject([{ type: 'end', picture: 'strip.png', count: 3 }])
    const { width = 0, height = 0 } = await sharp(join(folder, 'strip.png')).metadata()
    expect(width).toBeGreaterThan(2.5 * height)
  })

  it('sample starts around an image, and scales its starts', async () => {
    const low = ['--from', '0.01', '--solver', 'euler', '--steps', '4', '--out', 'near.png', '--json']
    const near = await run(folder, 'sample', 'model', 'light.png', '--count', '4', ...low)
    expect(jsonLines(near)).toMatchObject([{ count: 4, evaluations: 4 }])
    const warm = ['--temperature', '0.9', '--count', '2', '--solver', 'euler', '--steps', '4', '--json']
    expect(jsonLines(await run(folder, 'sample', 'model', ...warm))).toMatchObject([{ count: 2 }])
  })

  it.each([
    ['encode model dark.png --out a.txt', /--out to end in \.npy/],
    ['encode model dark.png --count 3', /no --count for image files/],
    ['encode model dark.png digits', /one data set but received digits/],
    ['encode model two-moons', /images of \[1, 8, 8\] as the model's but received \[2\]/],
    ['decode model', /missing required argument 'encodings'/],
    ['decode model any.npy --seed 3', /unknown option '--seed'/],
    ['decode model any.npy --out a.jpg', /--out to end in \.png, \.npy/],
    ['decode model any.npy --out a.npy --columns 3', /--columns to be given with a picture .* 3 with a\.npy/],
    ['decode model any.npy --frames 3', /--frames to be given with --film/],
    ['likelihood model dark.png --probes 0', /--probes .* received 0/],
    ['likelihood model', /images, or --density, but received neither/],
    ['likelihood model dark.png --density a.png', /--density without images but received dark\.png/],
    ['likelihood model --density a.png --levels 4', /--density without images but received --levels/],
    ['likelihood model --density a.jpg', /--density to end in \.png/],
    ['likelihood model --density a.png', /points in the plane, of shape \[2\]/],
    ['likelihood model dark.png --side 4', /--side with --density/],
    ['interpolate model dark.png nothing', /<to> to be an image file or the seed/],
    ['sample model dark.png', /--from and images to be given together but received images without --from/],
    ['sample model --from 1', /received --from without images/],
  ] as const)('refuses %s', async (line, message) => {
    const { code, stdout, stderr } = await run(folder, ...line.split(' '))
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  it.each([
    ['encode', ['digits', '--count', '1700', '--out', 'never.npy']],
    ['decode', ['many.npy', '--out', 'never.png']],
  ] as const)('%s leaves no file on Ctrl-C', async (command, args) => {
    await putEncodings('many.npy', [1700, 1, 8, 8], 10)
    const before = readdirSync(folder)
    const running = start(folder, command, 'model', ...args)
    await new Promise<void>((resolve) => running.process.stderr?.once('data', () => resolve()))
    running.process.kill('SIGINT')
    const { code, stderr } = await running.ended
    expect(code).toBe(130)
    expect(stderr).toContain('stopped by SIGINT: nothing was written')
    expect(readdirSync(folder)).toEqual(before)
  })
})
