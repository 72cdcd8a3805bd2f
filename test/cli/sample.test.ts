import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ChosenSolver, multistepTable, PoissonFlow, setThreads, Tensor } from '../../src/index.js'
import { tinyFlow } from '../tiny-flow.js'
import { jsonLines, run, sharedFolder, start, TINY_IMAGES } from './cli.js'

const folder = sharedFolder()
const model = join(folder, 'model')

beforeAll(async () => {
  const { code, stderr } = await run(folder, 'train', ...TINY_IMAGES, '--steps', '6', '--out', model)
  if (code !== 0) throw new Error(stderr)
})

const pixels = (path: string) => sharp(path).raw().toBuffer()

describe('sampling', () => {
  it('writes the picture and says what it cost', async () => {
    const { code, stdout, stderr } = await run(folder, 'sample', model, '--count', '4', '--columns', '2')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(
      /^samples\.png: 4 samples of .*\n\d+ evaluations of the network a sample, .* s in all\n$/,
    )
    const { width, height, format } = await sharp(join(folder, 'samples.png')).metadata()
    expect({ format, square: width === height }).toEqual({ format: 'png', square: true })
  })

  it('draws sample i from seed + i, whatever the count', async () => {
    const { code } = await run(folder, 'sample', model, '--seed', '7', '--count', '1', '--out', 'seventh.png')
    expect(code).toBe(0)
    await setThreads(1)
    using flow = await PoissonFlow.load(model)
    const { images } = await flow.sample({ count: 8, seed: 0 })
    using seventh = await images.slice(7, 1)
    images.dispose()
    await seventh.savePng(join(folder, 'expected.png'))
    const [drawn, expected] = await Promise.all(
      ['seventh.png', 'expected.png'].map((name) => pixels(join(folder, name))),
    )
    expect(drawn!.length).toBe(expected!.length)
    const worst = drawn!.reduce((most, value, i) => Math.max(most, Math.abs(value - expected![i]!)), 0)
    expect(worst).toBeLessThanOrEqual(1) // rounding of a value that differs by its last bits
  })

  it('prints one JSON object with --json', async () => {
    const args = ['--count', '2', '--solver', 'euler', '--steps', '5', '--out', 'euler.png', '--json']
    const ended = await run(folder, 'sample', model, ...args)
    expect(ended.code).toBe(0)
    const expected = { type: 'end', picture: 'euler.png', count: 2, evaluations: 5 }
    expect(jsonLines(ended)).toMatchObject([expected])
  })

  it('writes the values with --out .npy', async () => {
    const args = ['--count', '2', '--solver', 'euler', '--steps', '5', '--out', 'euler.npy']
    const ended = await run(folder, 'sample', model, ...args, '--json')
    expect(jsonLines(ended)).toMatchObject([{ type: 'end', values: 'euler.npy', count: 2 }])
    using values = await Tensor.loadNpy(join(folder, 'euler.npy'), 'float32')
    using flow = await PoissonFlow.load(model)
    const { images } = await flow.sample({ count: 2, solver: 'euler', steps: 5 })
    expect(await values.data()).toEqual(await images.data())
    images.dispose()
  })

  it('follows the table of a solver', async () => {
    const named = { solver: 'unipc', steps: 4 } as const
    using flow = await PoissonFlow.load(model)
    const table = await multistepTable(flow, named)
    writeFileSync(join(folder, 'table.json'), JSON.stringify(table))
    const sample = (...args: string[]) => run(folder, 'sample', model, '--count', '3', ...args)
    const ended = await sample('--solver-table', 'table.json', '--out', 'table.png', '--json')
    expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code: 0 })
    expect(jsonLines(ended)).toMatchObject([{ picture: 'table.png', count: 3, evaluations: 4 }])
    expect((await sample('--solver', 'unipc', '--steps', '4', '--out', 'named.png')).code).toBe(0)
    expect(await pixels(join(folder, 'table.png'))).toEqual(await pixels(join(folder, 'named.png')))

    writeFileSync(
      join(folder, 'risen.json'),
      JSON.stringify({ ...table, heights: table.heights.toReversed() }),
    )
    for (const [args, code, message] of [
      [
        ['table.json', '--steps', '4'],
        2,
        'error: Expected --steps to be left to solverTable, which sets it,',
      ],
      [
        ['risen.json'],
        1,
        'error: Expected heights[1] of risen.json to be above 0 and below the height before',
      ],
    ] as const) {
      const refused = await sample('--solver-table', ...args, '--out', 'never.png')
      expect(refused.stderr).toContain(message)
      expect(refused.code).toBe(code)
    }
    expect(existsSync(join(folder, 'never.png'))).toBe(false)
  })

  it('films how the samples form', async () => {
    const args = ['--count', '2', '--solver', 'dpm2m', '--steps', '6', '--film', 'film.webp', '--frames', '5']
    const { code, stdout, stderr } = await run(folder, 'sample', model, ...args)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^film\.webp: how they form$/m)
    const { pages, format } = await sharp(join(folder, 'film.webp'), { animated: true }).metadata()
    expect({ pages, format }).toEqual({ pages: 5, format: 'webp' })
    for (const [wrong, message] of [
      [
        ['--film', 'film.mp4'],
        'Expected --film to end in .png, .webp, .gif, the formats that can be written,',
      ],
      [['--frames', '5'], 'Expected --frames to be given with --film'],
    ] as const) {
      const refused = await run(folder, 'sample', model, ...wrong)
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain(message)
    }
  })

  it('takes the best solver that was measured, and says which', async () => {
    const points = join(folder, 'points.safetensors')
    using flow = await tinyFlow()
    await flow.save(points)
    const drawing = ['sample', points, '--count', '2', '--threads', '1']
    const auto = [...drawing, '--solver', 'auto']
    const { code, stdout, stderr } = await run(folder, ...auto, '--evaluations', '10')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const line =
      /^chosen: (--solver .*), on 48 starts a mean error of (\S+) \+- (\S+) at (\S+) evaluations$/m.exec(
        stdout,
      )
    const [flags, mean, standardError, evaluations] = line!.slice(1) as [string, string, string, string]
    expect(stdout).toContain(`\n${Math.round(Number(evaluations))} evaluations of the network a sample`)
    expect(Number(evaluations)).toBeLessThanOrEqual(10)

    const error = (Number(mean) + 2 * Number(standardError)) * 1.05 // both are rounded
    const cheapest = await run(folder, ...auto, '--error', String(error), '--json')
    const [{ chosen }] = jsonLines(cheapest) as [{ chosen: ChosenSolver }]
    expect(chosen.mean + 2 * chosen.standardError).toBeLessThanOrEqual(error)
    expect(chosen.evaluations).toBeLessThanOrEqual(Number(evaluations))

    const named = [...drawing, ...flags.split(' '), '--out', 'named.png']
    expect(await run(folder, ...named)).toMatchObject({ code: 0 })
    expect(await pixels(join(folder, 'named.png'))).toEqual(await pixels(join(folder, 'samples.png')))

    for (const [wrong, message] of [
      [[], 'Expected either error or evaluations with the solver auto but received neither'],
      [['--error', '1e-9'], 'Expected --error to be at least '],
      [['--evaluations', '2'], 'Expected --evaluations to be at least '],
    ] as const) {
      const refused = await run(folder, ...auto, ...wrong)
      expect(refused).toMatchObject({ code: 2, stdout: '' })
      expect(refused.stderr).toContain(message)
    }
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves no file on %s', async (signal, exitCode) => {
    const before = readdirSync(folder)
    const running = start(folder, 'sample', model, '--count', '2000', '--out', 'never.png')
    await new Promise<void>((resolve) => running.process.stderr?.once('data', () => resolve()))
    running.process.kill(signal)
    const { code, stdout, stderr } = await running.ended
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' })
    expect(stderr).toContain(`stopped by ${signal}: nothing was written`)
    expect(readdirSync(folder)).toEqual(before)
  })
})

describe('info', () => {
  it('shows versions and devices', async () => {
    const { code, stdout, stderr } = await run(folder, 'info')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const name of ['pfgm-torch', 'Node.js', 'libtorch', 'field kernel', 'devices', 'threads']) {
      expect(stdout).toMatch(new RegExp(`^${name} +\\S`, 'm'))
    }
  })

  it('shows what a model is', async () => {
    const { code, stdout } = await run(folder, 'info', model)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^trained on +digits, 6 steps$/m)
    expect(stdout).toMatch(/^parameters +[\d,]+$/m)
    expect(stdout).toMatch(/^flow +kind pfgm\n +sigma 0\.01$/m)
    const [json] = jsonLines(await run(folder, 'info', model, '--json'))
    const { parameterCount } = (await PoissonFlow.load(model)).network
    expect(json).toMatchObject({ devices: ['cpu'], model: { data: 'digits', step: 6, parameterCount } })
  })

  it('says where a model that comes with the package is missing, or shows it', async () => {
    const shipped = new URL('../../models/digits.safetensors', import.meta.url)
    const { code, stdout, stderr } = await run(folder, 'info', 'digits')
    if (existsSync(shipped)) expect({ code, stdout }).toMatchObject({ code: 0 })
    else expect(stderr).toMatch(/^error: .*digits\.safetensors.*\n$/)
    expect(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).toContain('"models"')
  })
})
