import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import type { GoldenArray } from '../golden.js'

/** Points that given draws perturb images to, and what a network takes and learns there. */
export async function learnedFrom(
  images: GoldenArray,
  draws: { sigma: GoldenArray; gaussian: GoldenArray; beta?: GoldenArray },
  { D, sigmaData, published }: { D: number; sigmaData: number; published: boolean },
): Promise<{ points: Float64Array; x: Float32Array; z: Float32Array; target: Float32Array }> {
  using y = await asTensor(images)
  using sigma = await asTensor(draws.sigma)
  using gaussian = await asTensor(draws.gaussian)
  using beta = draws.beta && (await asTensor(draws.beta))
  const handles = { sigma: sigma.handle, gaussian: gaussian.handle, ...(beta && { beta: beta.handle }) }
  const learned = await native().perturbDenoising(y.handle, handles, { d: D, sigmaData, published })
  const tensors = Object.entries(learned).map(([name, info]) => [name, new Tensor(info)] as const)
  const values = await Promise.all(
    tensors.map(async ([name, tensor]) => [name, await tensor.data()] as const),
  )
  for (const [, tensor] of tensors) tensor.dispose()
  return Object.fromEntries(values) as Awaited<ReturnType<typeof learnedFrom>>
}

const asTensor = ({ shape, values }: GoldenArray): Promise<Tensor> => Tensor.from(values, shape)

/** Half the summed squared error, a mean over the batch. */
export function squaredLoss(given: ArrayLike<number>, target: ArrayLike<number>, batch: number): number {
  let sum = 0
  for (let i = 0; i < target.length; i++) sum += (given[i]! - target[i]!) ** 2
  return sum / 2 / batch
}
