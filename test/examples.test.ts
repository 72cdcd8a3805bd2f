import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { digits } from '../src/data/digits.js'
import { PoissonFlow } from '../src/poisson-flow.js'
import { publishedFile } from './checkpoint/others-files.js'
import { type Ended, type Running, sharedFolder, startProgram } from './cli/cli.js'

const EXAMPLES = fileURLToPath(new URL('../examples/', import.meta.url))
const folder = sharedFolder()

/** Starts a file of `examples/` in a folder of the tests' own. */
function start(name: string, ...args: string[]): Running {
  return startProgram(folder, process.execPath, [join(EXAMPLES, name), ...args])
}

/** Runs one to its end: what it prints. */
async function example(name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(name, ...args).ended
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
  return stdout
}

/** The numbers that a pattern finds in a text, in groups. */
function numbers(text: string, pattern: RegExp): number[] {
  const [, ...groups] = pattern.exec(text) ?? []
  expect(groups, text).not.toEqual([])
  return groups.map(Number)
}

it('are all in their index, and short', () => {
  const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.js'))
  const index = readFileSync(join(EXAMPLES, 'README.md'), 'utf8')
  expect([...index.matchAll(/\((\S+\.js)\)/g)].map(([, name]) => name).sort()).toEqual(files.sort())
  for (const name of files) {
    expect(readFileSync(join(EXAMPLES, name), 'utf8').split('\n').length, name).toBeLessThanOrEqual(41)
  }
})

it('train says how near its samples are', async () => {
  const output = await example('train.js', 'moons')
  const [distance = 1] = numbers(output, /step 300: loss [\d.]+\nenergy distance (-?[\d.]+),/)
  expect(distance).toBeLessThan(0.03)
  expect(existsSync(join(folder, 'moons/samples.png'))).toBe(true)
})

it('data learns the spiral', async () => {
  const output = await example('data.js', 'spiral', 'spiral.png')
  const [distance = 1] = numbers(output, /^spiral\.png: energy distance (-?[\d.]+),/m)
  expect(distance).toBeLessThan(0.03)
})

it('labels draws a row of each class', async () => {
  const output = await example('labels.js', 'classes', 'classes.png', '4')
  expect(output).toMatch(/^4 steps in \d+ s\nclasses\.png: 10 classes, [\d.]+ evaluations a sample\n$/)
  const { width = 0, height = 0 } = await sharp(join(folder, 'classes.png')).metadata()
  expect(height / width).toBeCloseTo(85.5 / 34.5, 1)
})

it('resume goes on where it was broken off', async () => {
  const output = await example('resume.js', 'resumed')
  expect(output).toMatch(
    /^goes on from step 80 of 200\nsaved .*step-0000200\.safetensors\nended at step 200\n$/,
  )
})

it('serve draws what is asked for, and says what is wrong', async () => {
  const service = start('serve.js', '0')
  let address = ''
  service.process.stdout?.once('data', (chunk) => (address = String(chunk).trim()))
  await service.line(/^http:/)
  const [seven, again, other, wrong] = await Promise.all(
    ['7?seed=1', '7?seed=1', '7?seed=2', '11'].map((path) => fetch(`${address}/${path}`)),
  )
  const [first, second, third] = await Promise.all([seven, again, other].map((one) => one!.arrayBuffer()))
  expect(Buffer.from(first!).equals(Buffer.from(second!))).toBe(true)
  expect(Buffer.from(first!).equals(Buffer.from(third!))).toBe(false)
  expect(await sharp(first).metadata()).toMatchObject({ format: 'png', width: 80, height: 80 })
  expect(wrong?.status).toBe(400)
  expect(await wrong?.text()).toMatch(/^Expected labels .* 11\n$/)
  service.process.kill('SIGTERM')
  expect(await service.ended).toMatchObject<Partial<Ended>>({ code: 0, stderr: '' })
})

it('fastify has the routes of serve below a path, and its own', async () => {
  const service = start('fastify.js', '0')
  let address = ''
  service.process.stdout?.once('data', (chunk) => (address = String(chunk).trim()))
  await service.line(/^http:/)
  const picture = await fetch(`${address}/digits/v1/samples?label=7&zoom=8`)
  expect(await sharp(await picture.arrayBuffer()).metadata()).toMatchObject({ format: 'png', width: 64 })
  const { mean } = (await (await fetch(`${address}/brightness?seed=2`)).json()) as { mean: number }
  expect(Math.abs(mean)).toBeLessThan(1)
  service.process.kill('SIGTERM')
  expect(await service.ended).toMatchObject<Partial<Ended>>({ code: 0, stderr: '' })
})

it('next-route streams a digit while it forms', async () => {
  const output = await example('next-route.js', 'http://localhost/digits?seed=3&label=7')
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.length).toBeGreaterThan(1)
  expect(lines.every(({ pixels }) => pixels.length === 64)).toBe(true)
  expect(lines.at(-1).evaluations).toBeGreaterThan(4)
  expect(await example('next-route.js', 'http://localhost/digits?label=12')).toMatch(/^Expected labels/)
})

it('worker samples beside a main thread that waits for nothing', async () => {
  const output = await example('worker.js')
  expect(output).toMatch(/^1024 values of \[16, 1, 8, 8\], [\d.]+ evaluations a sample\n/)
  const [delay = 1e3] = numbers(output, /median delay was ([\d.]+) ms/)
  expect(delay).toBeLessThan(50)
})

it('solver has a table that is better than as many steps of Euler', async () => {
  const output = await example('solver.js')
  const [table = 1] = numbers(output, /^table: 12 evaluations .* ([\d.]+)$/m)
  const [euler = 0] = numbers(output, /^euler: 12 evaluations .* ([\d.]+)$/m)
  expect(table).toBeLessThan(euler / 2)
})

it('likelihood finds digits likelier than turned ones, and these than noise', async () => {
  const output = await example('likelihood.js')
  const [digit = [], turned = [], noise = []] = output
    .split('\n')
    .map((line) => line.match(/-?\d+\.\d+/g) ?? [])
  const mean = (bits: string[]) => bits.reduce((sum, each) => sum + Number(each), 0) / bits.length
  expect(mean(digit)).toBeLessThan(mean(turned))
  expect(mean(turned)).toBeLessThan(mean(noise))
})

it('film has a frame for each image', async () => {
  expect(await example('film.js', 'film.webp')).toMatch(/^film\.webp: 12 frames, /)
  const { pages, format } = await sharp(join(folder, 'film.webp'), { pages: -1 }).metadata()
  expect({ pages, format }).toEqual({ pages: 12, format: 'webp' })
})

it('network knows a digit again, the better the nearer', async () => {
  const output = await example('network.js')
  expect(output).toMatch(/^unet of \d+ parameters, \d+ steps on digits\n/)
  const off = [...output.matchAll(/off by ([\d.]+)/g)].map(([, value]) => Number(value))
  expect(off).toEqual([...off].sort())
  expect(off[0]).toBeLessThan(0.02)
})

it('fill-half draws digits whose upper halves are the given ones and whose lower halves are new', async () => {
  const path = join(folder, 'filled.png')
  expect(await example('fill-half.js', path)).toBe(`${path}: 3 fills of 10 digits\n`)
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

it('onnx-euler draws a digit in ONNX Runtime alone', async () => {
  const file = join(folder, 'digits.onnx')
  using flow = await PoissonFlow.load('digits')
  await flow.export(file)
  const output = await example('onnx-euler.js', file, '0')
  expect(output).toMatch(/^([ .:\-=+*#%@]{16}\n){8}$/)
  // Of 128 letters: strokes and the paper around them.
  const ink = output.replaceAll(/[ \n]/g, '').length
  expect(ink).toBeGreaterThan(20)
  expect(ink).toBeLessThan(110)
})

it('convert makes a model of a published snapshot, and draws with it', async () => {
  const file = join(folder, 'network-snapshot.pkl')
  writeFileSync(file, publishedFile('network-snapshot.pkl', 'pfgmpp/song/weights.safetensors'))
  const output = await example('convert.js', file, join(folder, 'song.safetensors'), join(folder, 'song.png'))
  expect(output).toMatch(/^a snapshot of EDM or PFGM\+\+: a song of \d+ parameters, flow pfgmpp\n/)
  expect((await sharp(join(folder, 'song.png')).metadata()).format).toBe('png')
})
