import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
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

describe('paths between images and the far plane', () => {
  it('encode writes a NumPy file', async () => {
    const { code, stdout, stderr } = await run(folder, 'encode', 'model', 'dark.png', 'light.png', ...LOOSE)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^encodings\.npy: 2 encodings, float64 \[2, 1, 8, 8\]\n\d+ evaluations/)
    const bytes = readFileSync(join(folder, 'encodings.npy'))
    expect(bytes.subarray(10, 128).toString('latin1')).toContain("'descr': '<f8'")
    expect(bytes.length).toBe(128 + 2 * 64 * 8)
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
    const args = ['--density', 'density.png', '--side', '40', '--rtol', '1e-4', '--atol', '1e-4']
    const { code, stdout, stderr } = await run(folder, 'likelihood', 'eight.safetensors', ...args)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const [, integral] = /^density\.png\nthe density integrates to ([\d.]+) over/.exec(stdout)!
    expect(Math.abs(Number(integral) - 1)).toBeLessThan(0.01)
    const { width, height } = await sharp(join(folder, 'density.png')).metadata()
    expect({ width, height }).toEqual({ width: 328, height: 328 })
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
    ['encode model two-moons', /images to be \[count, 1, 8, 8\].* received \[16, 2\]/],
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

  it('encode leaves no file on Ctrl-C', async () => {
    const before = readdirSync(folder)
    const running = start(folder, 'encode', 'model', 'digits', '--count', '1700', '--out', 'never.npy')
    await new Promise<void>((resolve) => running.process.stderr?.once('data', () => resolve()))
    running.process.kill('SIGINT')
    const { code, stderr } = await running.ended
    expect(code).toBe(130)
    expect(stderr).toContain('stopped by SIGINT: nothing was written')
    expect(readdirSync(folder)).toEqual(before)
  })
})
