import { TOY_KINDS, toy } from '../data/toys.js'
import { driftAt } from '../model/drift.js'
import { uniformInLogHeight } from '../ode/schedules/uniform.js'
import { PoissonFlow } from '../poisson-flow.js'
import { Tensor } from '../tensor/tensor.js'
import type { FieldAnswer, FieldLevel } from './answers.js'
import type { FoundRun } from './runs.js'

const PATHS = 240
const FRAMES = 96
/** Given steps: a network that has learned little may have no end for those that choose their own. */
const SOLVER = { solver: 'heun', steps: 24 } as const
const POINTS = 600

const LEVELS = 16
/** Places of a side of a level's grid. */
const SIDE = 33
/** The lowest level, where the way is short already; and how far a level reaches: data lie within about 1. */
const LOWEST = 0.02
const DATA_EXTENT = 1.25

/** Newest flows that are kept. */
const KEPT = 4

/** Flows of runs, computed once for a checkpoint. */
export class Fields {
  readonly #kept = new Map<string, Promise<FieldAnswer>>()

  /**
   * The flow of a run's newest checkpoint.
   * @throws Error of status 409 where it has none yet, or is not of points in the plane
   */
  of({ path, summary: { name, id, shape, checkpoint, data } }: FoundRun): Promise<FieldAnswer> {
    if (shape.join() !== '2') throw conflict(`Expected a run of points in the plane but ${name} is not`)
    if (checkpoint === undefined) throw conflict(`Expected a checkpoint of ${name} but there is none yet`)
    const key = `${path} ${id} ${checkpoint}`
    const kept = this.#kept.get(key)
    if (kept) return kept
    const field = computeField(path, data)
    this.#kept.set(key, field)
    field.catch(() => this.#kept.delete(key))
    for (const oldest of [...this.#kept.keys()].slice(0, -KEPT)) this.#kept.delete(oldest)
    return field
  }
}

const conflict = (message: string): Error => Object.assign(new Error(message), { statusCode: 409 })

async function computeField(path: string, data: string): Promise<FieldAnswer> {
  using flow = await PoissonFlow.load(path, { device: 'cpu', onWarning: () => {} })
  const { images, film } = await flow.sample({
    count: PATHS,
    film: { frames: FRAMES, of: 'state' },
    ...SOLVER,
    keepNotFinite: true,
  })
  images.dispose()
  using frames = film!.images
  const values = await frames.data()
  const paths = Array.from({ length: PATHS }, (_, i) =>
    values.subarray(2 * FRAMES * i, 2 * FRAMES * (i + 1)),
  ).filter((path) => path.every(Number.isFinite))
  const levels: FieldLevel[] = []
  const { far, near } = flow.flow
  for (const height of uniformInLogHeight(far.height, Math.max(near.height, LOWEST), LEVELS - 1)) {
    levels.push(await levelAt(flow, height))
  }
  return {
    step: flow.config.step ?? 0,
    heightName: flow.flow.heightName,
    heights: rounded(film!.heights),
    paths: paths.map(rounded),
    levels,
    data: await dataOf(data),
  }
}

async function levelAt(flow: PoissonFlow, height: number): Promise<FieldLevel> {
  const extent = DATA_EXTENT + height
  const at = (i: number) => extent * ((2 * i) / (SIDE - 1) - 1)
  const places = Float64Array.from({ length: 2 * SIDE ** 2 }, (_, i) => {
    const place = i >> 1
    return at(i % 2 === 0 ? place % SIDE : Math.floor(place / SIDE))
  })
  using grid = await Tensor.from<'float64'>(places, [SIDE ** 2, 2])
  const drift = await driftAt(flow, grid, height)
  return {
    height: Number(height.toPrecision(4)),
    extent,
    side: SIDE,
    ways: rounded(drift.map((way) => -way)),
  }
}

/** As the data's name tells of them. */
async function dataOf(name: string): Promise<number[]> {
  const kind = TOY_KINDS.find((each) => each === name)
  if (!kind) return []
  const { values } = await toy(kind, { count: POINTS })
  return rounded(values as Float32Array)
}

const rounded = (values: ArrayLike<number>): number[] =>
  Array.from(values, (value) => (Number.isFinite(value) ? Number(value.toFixed(4)) : 0))
