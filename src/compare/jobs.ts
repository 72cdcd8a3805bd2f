import { followField } from './field-lines.js'
import { COMPARED, FLOW_NAMES, WEAK_FLOWS } from './flows.js'
import { type Job, keyOf, type ModelName } from './job.js'
import { drawLatent, drawSamples } from './latent.js'
import { measureLikelihood } from './likelihoods.js'
import type { Plan } from './plan.js'
import { measureFloor, measurePoint, TIMINGS, timePoint } from './quality.js'
import { SAMPLER_NAMES, SAMPLERS, type Sampler, type SamplerName } from './samplers.js'
import { timeSteps, trainModel } from './training.js'

/** About as many as a likelihood by several probes takes. */
const LIKELIHOOD_PASSES = 800

/**
 * Everything there is to do, in order: what is cheap first, a seed after another, and what is timed at the end, one sampler
 * right after the other, for which the machine should be left alone.
 */
export function jobsOf(plan: Plan): Job[] {
  const seeds = Array.from({ length: plan.seeds }, (_, seed) => seed)
  return [
    ...(['heart', 'two-moons'] as const).map((toy) => ({
      key: `field/${toy}`,
      title: `the field over the ${toy}`,
      weight: 2,
      measure: () => followField(toy),
    })),
    ...[plan.samples, plan.noisySamples].map(
      (count): Job => ({
        key: `floor/${count}`,
        title: `what ${count} draws from the data score`,
        weight: 1,
        measure: (workshop) => measureFloor(workshop, count),
      }),
    ),
    {
      key: 'step-times',
      title: 'the time of a training step of all flows',
      weight: plan.timedSteps,
      measure: timeSteps,
    },
    ...seeds.flatMap((seed) => [
      ...FLOW_NAMES.flatMap((flow) => modelJobs(plan, { network: 'unet', flow, seed })),
      ...WEAK_FLOWS.flatMap((flow) => modelJobs(plan, { network: 'refinenet', flow, seed })),
    ]),
    ...FLOW_NAMES.flatMap((flow) => timingJobs(plan, { network: 'unet', flow, seed: 0 })),
  ]
}

function modelJobs(plan: Plan, name: ModelName): Job[] {
  const key = keyOf(name)
  const title = `${COMPARED[name.flow].title}${name.network === 'unet' ? '' : ' with the weaker network'}, seed ${name.seed}`
  const job = (part: string, words: string, weight: number, measure: Job['measure']): Job => ({
    key: `${key}/${part}`,
    title: `${title}: ${words}`,
    weight,
    measure,
  })
  const isFirst = name.seed === 0 && name.network === 'unet'
  return [
    job(
      'training',
      'training',
      plan.seconds * (name.network === 'unet' ? 1 : 4 * plan.weakSteps),
      (workshop) => trainModel(workshop, name),
    ),
    ...pointsOf(plan, name).map(({ sampler, effort, count, evaluations }) =>
      job(
        `${sampler}/${effort}`,
        SAMPLERS[sampler].title,
        (count * evaluations) / plan.imagesPerSecond,
        (workshop) => measurePoint(workshop, name, sampler, effort),
      ),
    ),
    ...(name.network === 'unet'
      ? [
          job(
            'likelihood',
            'likelihoods',
            (plan.likelihood.count * LIKELIHOOD_PASSES) / plan.imagesPerSecond,
            (workshop) => measureLikelihood(workshop, name),
          ),
        ]
      : []),
    ...(name.seed === 0 ? [job('samples', 'a picture', 1, (workshop) => drawSamples(workshop, name))] : []),
    ...(isFirst && name.flow === 'pfgm'
      ? [job('latent', 'encodings and interpolations', 3, (workshop) => drawLatent(workshop, name))]
      : []),
  ]
}

function timingJobs(plan: Plan, name: ModelName): Job[] {
  return pointsOf(plan, name).map(({ sampler, effort, evaluations }) => ({
    key: `${keyOf(name)}/${sampler}/${effort}/time`,
    title: `${COMPARED[name.flow].title}: the time of samples by ${SAMPLERS[sampler].title}`,
    weight: (TIMINGS * plan.timedSamples * evaluations) / plan.imagesPerSecond,
    measure: (workshop) => timePoint(workshop, name, sampler, effort),
  }))
}

/** The weaker network is followed closely: the error that is seen is its own. */
function pointsOf(plan: Plan, { network, flow }: ModelName) {
  const names: readonly SamplerName[] = network === 'unet' ? SAMPLER_NAMES : ['default']
  return names.flatMap((sampler) => {
    const { flows, efforts, noisy = false }: Sampler = SAMPLERS[sampler]
    if (!flows.includes(flow)) return []
    const all = efforts[plan.efforts]
    const used = network === 'unet' ? all : all.slice(-1)
    const count = noisy ? plan.noisySamples : plan.samples
    return used.map((effort) => ({ sampler, effort, count, evaluations: Math.max(40, effort) }))
  })
}
