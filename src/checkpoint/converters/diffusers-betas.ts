import { PfgmError } from '../../errors.js'
import { printable } from './converter.js'

/** Steps that networks are told: 0 to 999. */
const STEPS = 1000

/** Schedulers that follow the noise of DDPM's betas, each in its way. */
const OF_BETAS =
  /^((DDPM|DDIM)(Parallel|Inverse)?|PNDM|LMSDiscrete|Euler(Ancestral)?Discrete|HeunDiscrete|KDPM2(Ancestral)?Discrete|DPMSolver(Multistep|Singlestep|SDE)|DEISMultistep|UniPCMultistep)Scheduler$/

type Config = Readonly<Record<string, unknown>>

/**
 * The VP flow whose noise at every step is that of a scheduler's, DDPM's where none is given. b is a line in time there and
 * betas are steps here, so that they agree to a share of a step.
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where it is of another kind
 */
export function betasOf(path: string, scheduler: Config = {}): { betaMin: number; betaMax: number } {
  const refuse = (received: string) =>
    new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to have a scheduler of DDPM's kind, whose network gives the noise, but received ${printable(received)}`,
    )
  const name = String(scheduler._class_name ?? 'DDPMScheduler')
  if (!OF_BETAS.test(name)) throw refuse(name)
  const type = scheduler.prediction_type ?? 'epsilon'
  if (type !== 'epsilon') throw refuse(`one that predicts ${String(type)}`)
  const depths = depthsOf(betas(scheduler, refuse))
  const fitted = closestLine(depths)
  const off = Math.max(...depths.map((depth, i) => Math.abs(stepAt(fitted, depth) - i)))
  if (!(off < 1)) throw refuse(`betas that are no line, ${String(scheduler.beta_schedule)}`)
  return fitted
}

function betas(scheduler: Config, refuse: (received: string) => PfgmError): number[] {
  const { num_train_timesteps = STEPS, trained_betas, beta_schedule = 'linear' } = scheduler
  const { beta_start = 1e-4, beta_end = 0.02, rescale_betas_zero_snr = false } = scheduler
  if (num_train_timesteps !== STEPS)
    throw refuse(`one of ${String(num_train_timesteps)} steps in place of ${STEPS}`)
  if (rescale_betas_zero_snr) throw refuse('one whose betas are rescaled')
  const given: unknown = trained_betas ?? undefined
  if (Array.isArray(given) && given.length === STEPS && given.every((beta) => typeof beta === 'number'))
    return given
  if (given !== undefined) throw refuse('one with trained_betas that are none')
  if (beta_schedule !== 'linear') throw refuse(`betas that are no line, ${String(beta_schedule)}`)
  if (typeof beta_start !== 'number' || typeof beta_end !== 'number')
    throw refuse('betas that are no numbers')
  return Array.from({ length: STEPS }, (_, i) => beta_start + (i / (STEPS - 1)) * (beta_end - beta_start))
}

/** L of every step: signals have shrunk as exp(-L). */
function depthsOf(each: readonly number[]): number[] {
  let depth = 0
  return each.map((beta) => {
    depth -= Math.log1p(-beta) / 2
    return depth
  })
}

/**
 * betaMin and betaMax with L(t) = t (betaMin + t (betaMax - betaMin) / 2) / 2 at t = i / 999: least squares of the steps that
 * they are off by.
 */
function closestLine(depths: readonly number[]): { betaMin: number; betaMax: number } {
  let [aa, ab, bb, ay, by] = [0, 0, 0, 0, 0]
  for (let i = 1; i < depths.length; i++) {
    const t = i / (STEPS - 1)
    const weight = (depths[i]! - depths[i - 1]!) ** -2
    const [a, b] = [t / 2, t ** 2 / 4]
    aa += weight * a * a
    ab += weight * a * b
    bb += weight * b * b
    ay += weight * a * depths[i]!
    by += weight * b * depths[i]!
  }
  const determinant = aa * bb - ab * ab
  const betaMin = (ay * bb - by * ab) / determinant
  const growth = (by * aa - ay * ab) / determinant
  return { betaMin, betaMax: betaMin + growth }
}

/** The step that a depth is of. */
function stepAt({ betaMin, betaMax }: { betaMin: number; betaMax: number }, depth: number): number {
  const half = betaMin / 2
  return ((STEPS - 1) * 2 * depth) / (half + Math.sqrt(half ** 2 + (betaMax - betaMin) * depth))
}
