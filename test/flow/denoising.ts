import type { NativeScales } from '../../src/native/addon.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import type { GoldenArray } from '../golden.js'

/** How points are perturbed and learned from: by EDM where it is not said. */
export interface Kernel {
  D?: number
  scales?: NativeScales
  published?: boolean
}
const EDM_SCALES: NativeScales = { kind: 'edm', sigmaData: 0.5, pMean: -1.2, pStd: 1.2 }

export interface Learned {
  points: Float64Array
  x: Float32Array
  z: Float32Array
  target: Float32Array
  weight: Float32Array
}

/** Points that given draws perturb images to, and what a network takes and learns there. */
export async function learnedFrom(
  images: GoldenArray,
  draws: { sigma: GoldenArray; gaussian: GoldenArray; beta?: GoldenArray },
  { D = Number.POSITIVE_INFINITY, scales = EDM_SCALES, published = false }: Kernel = {},
): Promise<Learned> {
  using y = await asTensor(images)
  using sigma = await asTensor(draws.sigma)
  using gaussian = await asTensor(draws.gaussian)
  using beta = draws.beta && (await asTensor(draws.beta))
  const handles = { sigma: sigma.handle, gaussian: gaussian.handle, ...(beta && { beta: beta.handle }) }
  const learned = await native().perturbDenoising(y.handle, handles, { d: D, scales, published })
  const tensors = Object.entries(learned).map(([name, info]) => [name, new Tensor(info)] as const)
  const values = await Promise.all(
    tensors.map(async ([name, tensor]) => [name, await tensor.data()] as const),
  )
  for (const [, tensor] of tensors) tensor.dispose()
  return Object.fromEntries(values) as unknown as Learned
}

const asTensor = ({ shape, values }: GoldenArray): Promise<Tensor> => Tensor.from(values, shape)

/** Half the summed squared error, a mean over the batch. */
export function squaredLoss(given: ArrayLike<number>, target: ArrayLike<number>, batch: number): number {
  let sum = 0
  for (let i = 0; i < target.length; i++) sum += (given[i]! - target[i]!) ** 2
  return sum / 2 / batch
}
