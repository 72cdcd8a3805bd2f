import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TrainOptions } from '../train/options.js'
import { train } from '../train/train.js'
import type { PartOf } from './figures.js'
import { COMPARED, FLOW_NAMES } from './flows.js'
import { keyOf, type ModelName, type Workshop, withSignal } from './job.js'
import { networkFor } from './networks.js'

/** The first steps of a run, in which memory is got, are not timed. */
const FIRST = 2

/** Where a model is trained. */
export const runFolder = (folder: string, name: ModelName): string =>
  join(folder, 'models', keyOf(name).replaceAll('/', '-'))

/**
 * How long a training step of DDPM++ takes where nothing is in its way, for every flow: all train at the same time and take
 * a step each in turns, so that whatever else the machine does is in all of their ways. In folders that go again.
 */
export async function timeSteps(workshop: Workshop): Promise<PartOf<'stepTimes'>> {
  const place = join(workshop.folder, 'models', '.timed')
  await rm(place, { recursive: true, force: true }) // of a process that was killed
  const rounds = FIRST + workshop.plan.timedSteps
  const runs = FLOW_NAMES.map((flow) => {
    const name = { network: 'unet', flow, seed: 0 } as const
    // One step is left, so that no run comes to its end.
    const events = train({ ...optionsOf(workshop, name, rounds + 1), out: join(place, flow) })
    return { flow, events, times: [] as number[] }
  })
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { events, times } of runs) {
        const began = performance.now()
        await nextStep(events)
        if (round >= FIRST) times.push((performance.now() - began) / 1000)
      }
      workshop.onProgress((round + 1) / rounds)
    }
    const least = runs.map(({ flow, times }) => [flow, Math.min(...times)])
    return { kind: 'stepTimes', seconds: Object.fromEntries(least) }
  } finally {
    for (const { events } of runs) await events.return()
    await rm(place, { recursive: true, force: true })
  }
}

async function nextStep(events: ReturnType<typeof train>): Promise<void> {
  for (;;) {
    const { done, value } = await events.next()
    if (done) throw new Error('a run that is timed has come to its end')
    if (value.type === 'step') return
  }
}

/**
 * Trains a model for as many steps as the plan's seconds take, from where it was broken off. The weaker network takes a share
 * of the other's steps: what is compared is what it learns, not how fast it is.
 */
export async function trainModel(workshop: Workshop, name: ModelName): Promise<PartOf<'training'>> {
  const { seconds, weakSteps } = workshop.plan
  const [times] = workshop.parts('stepTimes')
  const share = name.network === 'unet' ? 1 : weakSteps
  const steps = Math.max(1, Math.round((share * seconds) / times!.seconds[name.flow]))
  let parameters = 0
  const options = optionsOf(workshop, name, steps)
  for await (const event of train({ ...options, out: runFolder(workshop.folder, name), resume: 'auto' })) {
    if (event.type === 'start') parameters = event.parameterCount
    if (event.type === 'step') workshop.onProgress(event.step / steps)
  }
  return { kind: 'training', ...name, steps, parameters, precision: workshop.plan.precision }
}

function optionsOf(
  workshop: Workshop,
  { network, flow, seed }: ModelName,
  steps: number,
): Omit<TrainOptions, 'out'> {
  const { data, plan, threads } = workshop
  const settings = COMPARED[flow].flow
  return {
    ...plan.training,
    data,
    flow: settings,
    network: networkFor(network, settings, data.shape, plan.narrow),
    steps,
    seed,
    precision: plan.precision,
    checkpointEvery: Math.max(50, Math.ceil(steps / 10)),
    keep: 1,
    sampleEvery: 0,
    evaluationCount: 0,
    device: 'cpu',
    threads,
    ...withSignal(workshop),
  }
}
