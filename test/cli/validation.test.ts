import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readHeader } from '../../src/checkpoint/safetensors.js'
import { npyBytes } from '../data/npy-file.js'
import { jsonLines, run, runShell, sharedFolder, start, TINY_POINTS } from './cli.js'

const folder = sharedFolder()

it('a share is held out, the best model kept, and drawn from', async () => {
  const best = ['--keep-best', 'validation-loss', '--evaluate-every', '5', '--evaluation-count', '0']
  const trained = await run(folder, 'train', ...TINY_POINTS, '--validation', '0.2', ...best, '--out', 'kept')
  expect({ code: trained.code, stderr: trained.stderr }).toMatchObject({ code: 0 })
  expect(trained.stderr).toMatch(/Step 5: validation loss [\d.]+, the best so far/)
  expect(trained.stdout).toMatch(/Validation loss: [\d.]+/)
  const { metadata } = await readHeader(join(folder, 'kept/best.safetensors'))
  const [info] = jsonLines(await run(folder, 'info', 'kept', '--best', '--json'))
  expect(info).toMatchObject({ model: { step: JSON.parse(metadata.config!).step } })
  const draw = ['--count', '2', '--solver', 'euler', '--steps', '2']
  const drawn = await run(folder, 'sample', 'kept', '--best', ...draw)
  expect({ code: drawn.code, stderr: drawn.stderr }).toMatchObject({ code: 0 })
  const wrong = await run(folder, 'sample', 'kept/best.safetensors', '--best')
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Expected a run folder for its best'),
  })
})

it('other data are read, and named where the run goes on', async () => {
  const values = Float32Array.from({ length: 80 }, (_, i) => Math.sin(i))
  writeFileSync(join(folder, 'others.npy'), npyBytes('<f4', [40, 2], values))
  const args = ['train', ...TINY_POINTS, '--validation', 'npy:others.npy', '--json', '--out', 'others']
  const running = start(folder, ...args, '--steps', '1000000', '--evaluate-every', '1')
  await running.line(/"type":"evaluation","step":\d+,"seconds":[^,]+,"validationLoss":/)
  running.process.kill('SIGTERM')
  const { stderr } = await running.ended
  const command = /go on with: npx pfgm-torch (.*)/.exec(stderr)?.[1] ?? ''
  const step = Number(/saved at step (\d+)/.exec(stderr)?.[1])
  const resumed = await runShell(folder, `$CLI ${command} --evaluation-count 0 --steps ${step + 1}`)
  expect({ code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0 })
  expect(resumed.stdout).toMatch(/Validation loss: [\d.]+/)
})
