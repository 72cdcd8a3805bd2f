import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { npyBytes } from '../data/npy-file.js'
import { checkpoints, run, runShell, sharedFolder, start } from './cli.js'

const folder = sharedFolder()

/** Runs what was printed as a user would who copies it, and types more. */
function runPrinted(text: string, before: string, more: string) {
  const command = text
    .split('\n')
    .find((line) => line.includes(before))
    ?.split(before)[1]
  expect(command, text).toMatch(/^npx pfgm-torch /)
  return runShell(folder, `${command!.replace('npx pfgm-torch', '$CLI')} ${more}`)
}

const values = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i))
const TINY_UNET = JSON.parse(
  readFileSync(fileURLToPath(new URL('tiny-images.json', import.meta.url)), 'utf8'),
).network

beforeAll(async () => {
  mkdirSync(join(folder, "Anna's photos"))
  for (const name of ['1.png', '2.png', '3.png']) {
    const create = { width: 20, height: 12, channels: 3, background: { r: 9, g: 99, b: 199 } } as const
    await sharp({ create })
      .png()
      .toFile(join(folder, "Anna's photos", name))
  }
  writeFileSync(join(folder, 'points.npy'), npyBytes('<f4', [50, 3], values(150)))
  writeFileSync(join(folder, 'two channels.npy'), npyBytes('<f4', [8, 2, 8, 8], values(1024)))
})

const points = (dimensions: number) => ({ kind: 'mlp', dimensions, width: 8, depth: 1 })
const images = (channels: number) => ({ ...TINY_UNET, channels })

describe('what is printed can be typed', () => {
  it.each([
    ['points in the plane', ['two-moons', '--count', '300'], points(2), 'samples.png'],
    ['points in space', ['points.npy'], points(3), 'samples.npy'],
    ['grey images', ['digits'], images(1), 'samples.png'],
    ['colour images', ["folder:Anna's photos", '--size', '8'], images(3), 'samples.png'],
    ['images of two channels', ['two channels.npy'], images(2), 'samples.npy'],
  ])('%s', async (name, data, network, file) => {
    const out = `runs of ${name}`
    const settings = { network, batchSize: 8, smallBatchSize: 8, evaluationCount: 0, sampleEvery: 0 }
    writeFileSync(join(folder, 'config.json'), JSON.stringify(settings))
    const args = ['train', ...data, '--config', 'config.json', '--out', out, '--threads', '1']
    const running = start(folder, ...args, '--steps', '1000000', '--json')
    await running.line(/"type":"step","step":2,/)
    running.process.kill('SIGTERM')
    const broken = await running.ended
    expect(broken).toMatchObject({ code: 143 })
    rmSync(join(folder, 'config.json'))
    const steps = Number(/saved at step (\d+)/.exec(broken.stderr)?.[1]) + 2
    const resumed = await runPrinted(broken.stderr, 'go on with: ', `--steps ${steps}`)
    expect(resumed).toMatchObject({ code: 0 })
    expect(resumed.stderr).not.toContain('warning')
    expect(checkpoints(join(folder, out)).at(-1)).toBe(`step-${String(steps).padStart(7, '0')}.safetensors`)
    const drawn = await runPrinted(resumed.stdout, 'Draw more: ', '--threads 1')
    expect(drawn).toMatchObject({ code: 0 })
    expect(existsSync(join(folder, file))).toBe(true)
    rmSync(join(folder, file))
  })
})

it('--resume auto is one command for a job that is restarted', async () => {
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ network: points(2), evaluationCount: 0 }))
  const command = 'train two-moons --count 200 --steps 4 --config config.json --out restarted --resume auto'
  for (const said of ['Training for 4 steps', 'restarted is at step 4 of 4']) {
    const { code, stderr } = await run(folder, ...command.split(' '))
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain(said)
  }
  const wrong = await run(folder, 'train', '--resume', 'two-moons')
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toMatch(/Expected --resume to be auto or nothing \(the data is named before it\)/)
})
