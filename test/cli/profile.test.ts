import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { datasets, profile, train } from '../../src/index.js'
import { native } from '../../src/native/native.js'
import { run } from './cli.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-profile-'))
afterAll(() => rm(folder, { recursive: true }))

interface Span {
  name: string
  ph: string
  ts: number
  dur: number
  pid: number
  tid: number
}

const spansOf = (file: string): Span[] =>
  JSON.parse(readFileSync(join(folder, file), 'utf8')).traceEvents as Span[]

const named = (spans: readonly Span[], name: RegExp) => spans.filter((span) => name.test(span.name))

/** Whether a span lies in one of the others, on its thread. */
const inside = (span: Span, others: readonly Span[]) =>
  others.some(
    ({ ts, dur, tid }) => tid === span.tid && span.ts >= ts && span.ts + span.dur <= ts + dur + 1e-3,
  )

it('sample --profile tells where the time of an evaluation goes', async () => {
  const args = ['--count', '3', '--solver', 'unipc', '--steps', '5', '--profile', 'sample.json']
  const { code } = await run(folder, 'sample', 'digits', ...args)
  expect(code).toBe(0)
  const spans = spansOf('sample.json')
  const evaluations = named(spans, /^evaluate, 3 rows$/)
  expect(evaluations).toHaveLength(5)
  const within = named(spans, /^(convolution 3 x 3, 64 to 64 channels, 8 x 8, 3 images|attention)/)
  expect(within.length).toBeGreaterThan(evaluations.length)
  for (const span of within) expect(inside(span, evaluations)).toBe(true)
  for (const { ph, dur } of spans) {
    expect(ph).toBe('X')
    expect(dur).toBeGreaterThanOrEqual(0)
  }
  const sum = named(spans, /^convolution/).reduce((total, { dur }) => total + dur, 0)
  expect(sum).toBeLessThanOrEqual(evaluations.reduce((total, { dur }) => total + dur, 0))
})

it('train --profile tells where the time of a step goes', async () => {
  const args = ['--steps', '3', '--sample-every', '0', '--evaluation-count', '0', '--profile', 'train.json']
  const { code } = await run(folder, 'train', 'digits', '--small-batch-size', '8', ...args)
  expect(code).toBe(0)
  const spans = spansOf('train.json')
  const steps = named(spans, /^training step$/)
  expect(steps).toHaveLength(3)
  for (const name of [/^forward, 8 items$/, /^back$/, /^update$/, /^filter's gradient 3 x 3/])
    expect(named(spans, name).filter((span) => inside(span, steps)).length).toBeGreaterThanOrEqual(3)
  expect(named(spans, /^batch$/).length).toBeGreaterThanOrEqual(3)
})

it.each([
  ['trace.txt', 'Expected --profile to end in .json'],
  ['nowhere/trace.json', 'Expected --profile to be in a folder'],
])('%s is refused before any work', async (file, message) => {
  const { code, stderr } = await run(folder, 'sample', 'digits', '--profile', file)
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})

it('profile() writes what was recorded where the work fails, and nothing more is recorded then', async () => {
  const path = join(folder, 'failing.json')
  const steps = async () => {
    const options = { data: await datasets.digits(), out: join(folder, 'run'), smallBatchSize: 4 }
    for await (const { type } of train({ ...options, sampleEvery: 0 })) {
      if (type === 'step') throw new Error('enough')
    }
  }
  await expect(profile(path, steps)).rejects.toThrow('enough')
  expect(named(spansOf('failing.json'), /^training step$/).length).toBeGreaterThan(0)
  expect(native().stopProfile().names).toEqual([])
})

it('one profile is recorded at a time', async () => {
  const path = join(folder, 'twice.json')
  const twice = profile(path, () => profile(path, () => 1))
  await expect(twice).rejects.toThrow('Expected one profile at a time')
  expect(await profile(path, () => 2)).toBe(2)
  expect(spansOf('twice.json')).toEqual([])
})
