import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import type { SolverComparison } from '../../src/index.js'
import { publishedFlow } from '../published-flow.js'
import { run, sharedFolder, start } from './cli.js'

const folder = sharedFolder()
const model = join(folder, 'model.safetensors')

beforeAll(async () => {
  using flow = await publishedFlow()
  await flow.save(model)
})

describe('comparing solvers', () => {
  it('prints a table, and writes figures and chart', async () => {
    const { code, stdout, stderr } = await run(
      folder,
      'solvers',
      model,
      '--count',
      '2',
      '--evaluations',
      '10,60',
      '--solvers',
      'dpm2m,euler',
      '--out',
      'figures',
    )
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^solver +evaluations +mean +median +90 % +99 %$/m)
    const json = readFileSync(join(folder, 'figures', 'solvers.json'), 'utf8')
    const { count, points } = JSON.parse(json) as SolverComparison
    expect([count, points.length]).toEqual([2, 8])
    const mean = (solver: string, evaluations: number) =>
      points.find((point) => point.solver === solver && point.evaluations === evaluations)!.mean
    for (const solver of ['dpm2m karras', 'dpm2m uniform', 'euler karras', 'euler uniform']) {
      expect(mean(solver, 60)).toBeLessThan(mean(solver, 10))
    }
    const { width, height } = await sharp(join(folder, 'figures', 'solvers.svg')).metadata()
    expect({ width, height }).toEqual({ width: 960, height: 620 })
  })

  it('writes the chart alone where the name is that of one, and refuses one that cannot be written before any work', async () => {
    const args = ['--count', '1', '--evaluations', '10', '--solvers', 'euler', '--out']
    const { code, stdout, stderr } = await run(folder, 'solvers', model, ...args, 'out.svg')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/\nout\.svg\n$/)
    expect((await sharp(join(folder, 'out.svg')).metadata()).width).toBe(960)
    expect(existsSync(join(folder, 'solvers.json'))).toBe(false)
    const nowhere = await run(folder, 'solvers', model, ...args, join('nowhere', 'out.svg'))
    expect(nowhere).toMatchObject({ code: 2, stdout: '' })
    expect(nowhere.stderr).toContain('there is no folder nowhere')
  })

  it('measures orders, and energy distances to the data that a model is of', async () => {
    const args = ['--count', '40', '--evaluations', '20,40,80', '--solvers', 'dpm2m,euler', '--json']
    const { code, stdout, stderr } = await run(folder, 'solvers', 'digits', ...args, '--out', 'distances')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const { energyDistance, points, solvers } = JSON.parse(stdout) as SolverComparison
    for (const point of points.filter(({ evaluations }) => evaluations === 80)) {
      expect(Math.abs(point.energyDistance! - energyDistance!)).toBeLessThan(0.02)
    }
    const of = (name: string) => solvers.find(({ solver }) => solver === name)!
    expect(Math.abs(of('euler karras').order! - 1)).toBeLessThan(0.35)
    expect(Math.abs(of('dpm2m karras').order! - 2)).toBeLessThan(0.35)
    const near = (point: { energyDistance?: number }) =>
      Math.abs(point.energyDistance! / energyDistance! - 1) <= 0.05
    for (const { solver, enough } of solvers) {
      const line = points.filter((point) => point.solver === solver)
      const from = enough === undefined ? 3 : line.findIndex(({ evaluations }) => evaluations === enough)
      expect([line.slice(from).every(near), from === 0 || !near(line[from - 1]!)]).toEqual([true, true])
    }
    const { width, height } = await sharp(join(folder, 'distances', 'solvers.svg')).metadata()
    expect({ width, height }).toEqual({ width: 1700, height: 620 })
  })

  it('refuses data of another shape', async () => {
    const { code, stderr } = await run(folder, 'solvers', model, '--data', 'digits')
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^error: Expected --data of \[3, 8, 8\].* received \[1, 8, 8\]/),
    })
  })

  it('refuses a list that is none', async () => {
    const { code, stderr } = await run(folder, 'solvers', model, '--evaluations', '10;20')
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^error: Expected --evaluations to be whole numbers/),
    })
  })

  it('writes nothing after Ctrl-C', async () => {
    const out = join(folder, 'never')
    const running = start(folder, 'solvers', model, '--count', '500', '--out', out)
    await new Promise<void>((resolve) => running.process.stderr?.once('data', () => resolve()))
    running.process.kill('SIGINT')
    const { code, stderr } = await running.ended
    expect({ code, stdout: existsSync(join(out, 'solvers.json')) }).toEqual({ code: 130, stdout: false })
    expect(stderr).toContain('stopped by SIGINT: nothing was written')
  })
})
