import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { run, sharedFolder } from './cli.js'

const folder = sharedFolder()
const QUICK = ['--solver', 'euler', '--steps', '3']

test('samples of Fashion-MNIST, learned for a while, are scored by the features of its classifier', async () => {
  const trained = await run(
    folder,
    'train',
    'fashion',
    ...['--steps', '20', '--batch-size', '32', '--small-batch-size', '32'],
    ...['--out', 'runs/fashion', '--sample-every', '0'],
  )
  expect(trained.stderr + trained.stdout).toContain('28 x 28')
  expect(trained.code).toBe(0)
  const args = ['eval', 'runs/fashion', '--against', 'fashion:test', '--training', 'fashion', '--count', '60']
  const scored = await run(folder, ...args, ...QUICK, '--json')
  expect(scored.code).toBe(0)
  const found = JSON.parse(scored.stdout)
  expect(found).toMatchObject({ type: 'end', samples: 60, items: 60, features: 'fashion' })
  // Nothing was learned in so few steps: real pictures are nearer, and tell more classes.
  expect(found.frechetDistance.value).toBeGreaterThan(2 * found.frechetDistance.floor)
  expect(found.inceptionScore.ofData).toBeGreaterThan(found.inceptionScore.value)
  expect(found.precision.value).toBeLessThan(0.9)
})

test('scores are a table, beside pictures of the nearest items and statistics that serve the next time', async () => {
  const args = ['--count', '40', '--label', '3', ...QUICK]
  const scored = await run(
    folder,
    ...['eval', 'digits', '--against', 'digits', ...args],
    ...['--nearest', 'nearest.png', '--save-statistics', 'digits.npz'],
  )
  expect(scored.code).toBe(0)
  expect(scored.stdout).toMatch(/energy distance +[\d.]+ +\+- [\d.]+ +low/)
  expect(scored.stderr).toContain('40 samples beside 40 items, features: numbers')
  expect(await sharp(join(folder, 'nearest.png')).metadata()).toMatchObject({ format: 'png', channels: 1 })
  expect(readFileSync(join(folder, 'digits.npz')).subarray(0, 2).toString()).toBe('PK')
  const again = await run(folder, 'eval', 'digits', '--against', 'digits.npz', ...args)
  const distanceOf = ({ stdout }: { stdout: string }) => /Frechet distance +(\S+)/.exec(stdout)![1]
  expect(distanceOf(again)).toBe(distanceOf(scored))
  expect(again.stdout).not.toContain('energy')
})

test('what cannot be scored is refused before anything is drawn', async () => {
  expect(await run(folder, 'eval', 'digits')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Expected --against, data to compare with, but received none'),
  })
  expect((await run(folder, 'eval', 'digits', '--against', 'two-moons')).stderr).toContain(
    "Expected --against of [1, 8, 8] as the model's but received [2]",
  )
  const features = await run(folder, 'eval', 'digits', '--against', 'digits', '--features', 'none.pt')
  expect(features.stderr).toContain('Expected a TorchScript file at none.pt, but there is none')
})
