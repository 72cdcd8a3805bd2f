import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { home, newOut, spaceEvents } from './runs.js'

let models = 0

/** A run's model as a file, with the average of a decay. */
async function model(run: string, emaRate?: number): Promise<Buffer> {
  const file = join(home, `${models++}.safetensors`)
  using flow = await PoissonFlow.load(run, emaRate === undefined ? {} : { emaRate })
  await flow.save(file)
  return readFileSync(file)
}

it('further averages are, to the bit, those of runs that keep them alone', async () => {
  const several = newOut()
  await spaceEvents({ out: several, emaRate: 0.9, emaRates: [0.3, 0.97] })
  for (const emaRate of [0.3, 0.9, 0.97]) {
    const alone = newOut()
    await spaceEvents({ out: alone, emaRate })
    expect(await model(several, emaRate)).toEqual(await model(alone))
  }
  expect(await model(several)).toEqual(await model(several, 0.9))
  expect(await model(several, 0.3)).not.toEqual(await model(several, 0.97))
})

it('they go on after a break, and begin at the weights of a model', async () => {
  const [straight, broken, tuned, alone] = [newOut(), newOut(), newOut(), newOut()]
  await spaceEvents({ out: straight, emaRates: [0.5] })
  await spaceEvents({ out: broken, emaRates: [0.5], steps: 5 })
  await spaceEvents({ out: broken, resume: true, steps: 12 })
  expect(await model(broken, 0.5)).toEqual(await model(straight, 0.5))
  const { network, ...from } = { network: undefined, initFrom: straight, steps: 3 }
  await spaceEvents({ ...from, network, out: tuned, emaRates: [0.5] } as object)
  await spaceEvents({ ...from, network, out: alone, emaRate: 0.5 } as object)
  expect(await model(tuned, 0.5)).toEqual(await model(alone))
})

it('an average that is not there, and other ones for a run that goes on, are refused', async () => {
  const out = newOut()
  await spaceEvents({ out, emaRate: 0.9, emaRates: [0.5] })
  await expect(PoissonFlow.load(out, { emaRate: 0.7 })).rejects.toThrow(
    'Expected emaRate to be one of 0.9, 0.5, whose average',
  )
  await expect(PoissonFlow.load('digits', { emaRate: 0.7 })).rejects.toThrow(
    'emaRate to be left out for a model',
  )
  await expect(PoissonFlow.load(out, { emaRate: 2 })).rejects.toThrow(
    'Expected emaRate to be a number from 0 to 1 but received 2',
  )
  await expect(spaceEvents({ out, resume: true, steps: 14, emaRates: [0.6] })).rejects.toThrow(
    'Expected emaRates to be 0.5 as the run was started with but received 0.6',
  )
  await expect(spaceEvents({ emaRates: [2] })).rejects.toThrow(RangeError)
})
