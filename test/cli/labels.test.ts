import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, expect, it } from 'vitest'
import { PoissonFlow } from '../../src/index.js'
import { jsonLines, run, sharedFolder, TINY_IMAGES } from './cli.js'

const folder = sharedFolder()

beforeAll(async () => {
  for (const [c, name] of ['cats', 'dogs', 'owls'].entries()) {
    mkdirSync(join(folder, 'animals', name), { recursive: true })
    for (let i = 0; i < 4; i++) {
      const pixels = Uint8Array.from({ length: 64 }, (_, j) => 80 * c + ((i * 7 + j * 13) % 60))
      const picture = sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } })
      await picture.png().toFile(join(folder, 'animals', name, `${i}.png`))
    }
  }
  const flags = TINY_IMAGES.slice(1)
  const ended = await run(
    folder,
    'train',
    'folder:animals',
    '--channels',
    '1',
    ...flags,
    '--labels',
    '--steps',
    '4',
    '--out',
    'model',
  )
  if (ended.code !== 0) throw new Error(ended.stderr)
})

it('a row of samples a class, by name', async () => {
  const args = ['--count', '3', '--solver', 'euler', '--steps', '2', '--json']
  const ended = await run(folder, 'sample', 'model', '--label', 'owls,cats', ...args)
  expect(ended).toMatchObject({ code: 0 })
  expect(jsonLines(ended)).toMatchObject([{ count: 6 }])
  const { width, height } = await sharp(join(folder, 'samples.png')).metadata()
  expect(width! / height!).toBeCloseTo(3 / 2, 1)
  const all = await run(folder, 'sample', 'model', '--label', 'all', '--guidance', '1.5', ...args)
  expect(jsonLines(all)).toMatchObject([{ count: 9, evaluations: 2 }])
  using model = await PoissonFlow.load(join(folder, 'model'))
  expect(model.config.classes).toEqual(['cats', 'dogs', 'owls'])
})

it('other commands follow paths of a class', async () => {
  const picture = join('animals', 'dogs', '1.png')
  const tolerances = ['--rtol', '0.1', '--atol', '0.1']
  const commands = [
    ['encode', 'model', picture, '--label', 'dogs', '--out', 'dogs.npy', ...tolerances],
    [
      'decode',
      'model',
      'dogs.npy',
      '--label',
      '1',
      '--guidance',
      '2',
      '--guidance-interval',
      '0.1,5',
      ...tolerances,
    ],
    ['likelihood', 'model', picture, '--label', 'dogs', ...tolerances],
    ['interpolate', 'model', '1', '2', '--label', 'owls', '--steps', '2', ...tolerances],
    ['sample', 'model', '--from', '1', picture, '--label', 'owls', '--solver', 'euler', '--steps', '2'],
  ]
  for (const command of commands) {
    const { code, stderr } = await run(folder, ...command)
    expect({ command, code, stderr: code === 0 ? '' : stderr }).toMatchObject({ code: 0 })
  }
})

it('what is no class is refused in one line', async () => {
  const unlabelled = await run(folder, 'train', 'two-moons', '--steps', '1', '--out', 'unlabelled')
  expect(unlabelled).toMatchObject({ code: 0 })
  const refused = async (message: string, ...args: string[]) => {
    const { code, stderr } = await run(folder, ...args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  }
  await refused(
    'Expected --label to be one of cats, dogs, owls, or all but received fish',
    'sample',
    'model',
    '--label',
    'fish',
  )
  await refused('Expected --label to be one of', 'sample', 'model', '--label', '3')
  await refused(
    'Expected --label to be one class',
    'encode',
    'model',
    join('animals', 'dogs', '1.png'),
    '--label',
    'all',
  )
  await refused(
    'Expected no --label: this model was trained without classes',
    'sample',
    'unlabelled',
    '--label',
    '3',
  )
  await refused(
    'Expected --labels in the data but two-moons has none',
    'train',
    'two-moons',
    '--labels',
    '--steps',
    '1',
    '--out',
    'none',
  )
})
