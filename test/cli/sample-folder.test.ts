import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, it, vi } from 'vitest'
import { PoissonFlow } from '../../src/index.js'
import { jsonLines, run, runShell, sharedFolder, start } from './cli.js'

const folder = sharedFolder()
const QUICK = ['--solver', 'unipc', '--steps', '4']
const pictures = (name: string) => readdirSync(join(folder, name)).filter((file) => file.endsWith('.png'))

it('a folder gets each sample as a picture of its own, named by its seed, and takes no others', async () => {
  const drawing = ['sample', 'digits', '--count', '6', '--seed', '40', '--out', 'six/']
  const { code, stdout, stderr } = await run(folder, ...drawing, ...QUICK)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stdout).toMatch(/^six\/: 6 samples of digits\n4 evaluations of the network a sample, .* s in all\n$/)
  expect(stderr).toContain('100 %  6 of 6 samples, 4 evaluations each so far')
  expect(pictures('six')).toEqual([40, 41, 42, 43, 44, 45].map((seed) => `0000${seed}.png`))
  using flow = await PoissonFlow.load('digits')
  const { images } = await flow.sample({ count: 6, seed: 40, solver: 'unipc', steps: 4 })
  const values = await images.data()
  images.dispose()
  for (const [i, file] of pictures('six').entries()) {
    const { data, info } = await sharp(join(folder, 'six', file))
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 8, height: 8, channels: 1 })
    const expected = Array.from(values.subarray(i * 64, (i + 1) * 64), (value) =>
      Math.min(255, Math.max(0, Math.round((value + 1) * 127.5))),
    )
    expect([...data]).toEqual(expected)
  }
  expect(await run(folder, ...drawing, '--solver', 'unipc', '--steps', '5')).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'error: Expected --steps to be 4, as of the samples in six/, but received 5: give another folder\n',
  })
})

it('a row of each class has its labels in dataset.json', async () => {
  const drawing = ['sample', 'digits', '--label', '3,8', '--count', '2', '--guidance', '2', ...QUICK]
  const ended = await run(folder, ...drawing, '--out', 'classes/', '--json')
  expect(jsonLines(ended)).toMatchObject([
    { type: 'end', folder: 'classes/', count: 4, drawn: 4, evaluations: 4, outside: 0, unfinished: 0 },
  ])
  expect(JSON.parse(readFileSync(join(folder, 'classes', 'dataset.json'), 'utf8'))).toEqual({
    labels: [3, 3, 8, 8].map((label, i) => [`00000${i}.png`, label]),
  })
})

it('Ctrl-C keeps what is drawn, and says how to go on', async () => {
  const out = 'much of it/'
  const running = start(folder, 'sample', 'digits', '--count', '200000', ...QUICK, '--out', out)
  await vi.waitFor(() => expect(existsSync(join(folder, out, '000000.png'))).toBe(true), 20_000)
  running.process.kill('SIGINT')
  const { code, stdout, stderr } = await running.ended
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  const files = readdirSync(join(folder, out)).filter((name) => name !== 'samples.json')
  expect(files).toEqual(pictures(out))
  for (const file of files)
    await sharp(join(folder, out, file))
      .raw()
      .toBuffer()
  const [, drawn, command] =
    /stopped by SIGINT: ([\d,]+) pictures? drawn; go on with: npx pfgm-torch (.*)\n$/.exec(stderr) ?? []
  expect(Number(drawn?.replace(',', ''))).toBe(files.length)
  const gone = await runShell(folder, `$CLI ${command} --count ${files.length + 20}`)
  expect({ code: gone.code, stderr: gone.stderr }).toMatchObject({ code: 0 })
  expect(gone.stdout).toMatch(/^much of it\/: .* samples of digits, [\d,]+ of them from before\n/)
  expect(readdirSync(join(folder, out)).filter((name) => name.startsWith('.'))).toEqual([])
})

it.each([
  [['--film', 'film.webp'], /no --film for a folder of pictures but received film\.webp with new\//],
  [['--from', '1', 'photo.png'], /no images for a folder of pictures but received photo\.png/],
  [['--guidance', '2'], /--label to be given with --guidance/],
] as const)('refuses %j, and makes no folder', async (args, message) => {
  const { code, stdout, stderr } = await run(folder, 'sample', 'digits', '--out', 'new/', ...args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(message)
  expect(existsSync(join(folder, 'new'))).toBe(false)
})
