import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readHeader } from '../../src/checkpoint/safetensors.js'
import { datasets } from '../../src/data/index.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { evaluationsOf, newOut, SPACE_NETWORK, spaceEvents, tensors, warningsOf } from './runs.js'

const checkpoint = (out: string, step: number) =>
  join(out, 'checkpoints', `step-${String(step).padStart(7, '0')}.safetensors`)

describe('measuring on the way', () => {
  it('waits until it takes no more than its share, and the log says so', async () => {
    const out = newOut()
    // More than fast machines measure in two seconds, and each little enough that slow ones measure some.
    const steps = 300
    const events = await spaceEvents({ out, steps, evaluateEvery: 1, evaluationCount: 150 })
    const measured = evaluationsOf(events)
    expect(measured.length).toBeGreaterThan(0)
    // Training takes far less than twenty seconds, so the share is two.
    expect(measured.reduce((sum, { seconds }) => sum + seconds, 0)).toBeLessThan(3)
    for (const { distance } of measured) {
      if (distance) expect(distance).toMatchObject({ samples: 150, items: 300 })
    }
    const left = events.flatMap((event) => (event.type === 'left-out' ? [event] : []))
    expect(left.length).toBeGreaterThan(0)
    for (const each of left) expect(each.seconds).toBeGreaterThan(each.left)
    const log = readFileSync(join(out, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(log.filter(({ type }) => type === 'left-out').map(({ step }) => step)).toEqual(
      left.map(({ step }) => step),
    )
    // All were due but the last, which is the end's.
    const counted = measured.reduce((sum, { leftOut = 0 }) => sum + leftOut, measured.length)
    expect(counted).toBeLessThan(steps)
    expect(measured.length + left.length).toBeLessThan(steps - 1)
  })

  it('is no reason to end a training', async () => {
    // A start so far out is no float32: nothing can be drawn.
    const flow = { zMax: 1e39, upperNorm: 1e39 }
    const options = { flow, evaluateEvery: 5, evaluationCount: 10 }
    const events = await spaceEvents({ ...options, validation: 0.2, keepBest: 'validation-loss' })
    expect(events.at(-1)).toMatchObject({ type: 'end', step: 12 })
    for (const each of evaluationsOf(events)) {
      expect(each.validationLoss).toBeGreaterThan(0)
      expect(each.distance).toBeUndefined()
    }
  })
})

describe('the best model', () => {
  it.each(['validation-loss', 'energy-distance', 'fd'] as const)('is kept, by %s', async (keepBest) => {
    const out = newOut()
    const options = {
      validation: 0.3,
      evaluationCount: 10,
      evaluateEvery: 1,
      checkpointEvery: 1,
      keep: 20,
      steps: 6,
    }
    const events = await spaceEvents({
      ...options,
      out,
      keepBest,
      learningRate: 0.05,
      warmup: 0,
      emaRate: 0.1,
    })
    const values = events.flatMap((event) => {
      if (event.type !== 'evaluation' && event.type !== 'end') return []
      const { distance, validationLoss } = event
      const of = {
        'validation-loss': validationLoss,
        'energy-distance': distance?.value,
        fd: distance?.frechet,
      }
      const value = of[keepBest]
      return value === undefined ? [] : [{ value, step: event.step, best: event.best ?? false }]
    })
    expect(values.length).toBeGreaterThan(1)
    let least = Number.POSITIVE_INFINITY
    for (const { value, best } of values) {
      expect(best).toBe(value < least)
      least = Math.min(least, value)
    }
    const { step, value } = values.find((each) => each.value === least)!
    using flow = await PoissonFlow.load(out, { best: true })
    expect(flow.config.step).toBe(step)
    const file = join(out, 'best.safetensors')
    expect((await readHeader(file)).metadata).toMatchObject({
      kind: 'model',
      metric: keepBest,
      value: String(value),
    })
    expect(await tensors(file)).toEqual(await tensors(checkpoint(out, step), 'ema.'))
    using same = await PoissonFlow.load(file)
    expect(same.config).toEqual(flow.config)
  })

  it('is the same after a break, and a worse one does not take its place', async () => {
    const [straight, broken] = [newOut(), newOut()]
    const options = { validation: 0.3, evaluateEvery: 1, learningRate: 0.01, warmup: 0, emaRate: 0.5 }
    await spaceEvents({ ...options, keepBest: 'validation-loss', out: straight })
    await spaceEvents({ ...options, keepBest: 'validation-loss', out: broken, steps: 5 })
    await spaceEvents({ out: broken, resume: true, steps: 12 })
    const best = (out: string) => readFileSync(join(out, 'best.safetensors'))
    expect(best(broken).equals(best(straight))).toBe(true)
    const worse = await spaceEvents({ out: broken, resume: true, steps: 14, learningRate: 5 })
    expect(evaluationsOf(worse).map((event) => event.best)).toEqual([undefined])
    expect(best(broken).equals(best(straight))).toBe(true)
    const other = { keepBest: 'energy-distance', evaluationCount: 20 } as const
    const changed = await spaceEvents({ out: broken, resume: true, steps: 16, ...other })
    expect(warningsOf(changed)).toEqual([
      'The run goes on with another keepBest: energy-distance now, validation-loss before',
    ])
    expect((await readHeader(join(broken, 'best.safetensors'))).metadata).toMatchObject({
      metric: 'energy-distance',
    })
  })

  it('is refused where it would never be measured, and where there is none', async () => {
    await expect(spaceEvents({ keepBest: 'validation-loss' })).rejects.toThrow(
      'Expected validation for keepBest validation-loss but received none',
    )
    await expect(spaceEvents({ keepBest: 'energy-distance' })).rejects.toThrow(
      'Expected evaluationCount to be at least 2 for keepBest energy-distance but received 0',
    )
    const data = await datasets.array(
      Float32Array.from({ length: 2 * 3073 }, (_, i) => Math.sin(i)),
      [3073],
    )
    const network = { ...SPACE_NETWORK, dimensions: 3073 }
    await expect(spaceEvents({ data, network, keepBest: 'fd', evaluationCount: 20 })).rejects.toThrow(
      'for items of [3073], which have too many numbers for a Frechet distance, but received fd',
    )
    await expect(spaceEvents({ evaluateEvery: 5 })).rejects.toThrow(
      'Expected evaluationCount to be at least 2 for evaluateEvery, without a validation, but received 0',
    )
    await expect(spaceEvents({ keepBest: 'loss' as never })).rejects.toThrow(
      'Expected keepBest to be one of validation-loss, energy-distance, fd but received "loss"',
    )
    const out = newOut()
    await spaceEvents({ out, steps: 1 })
    await expect(PoissonFlow.load(out, { best: true })).rejects.toThrow(
      'there is none: training keeps it with',
    )
    await expect(PoissonFlow.load(checkpoint(out, 1), { best: true })).rejects.toThrow(
      'Expected a run folder for',
    )
  })
})
