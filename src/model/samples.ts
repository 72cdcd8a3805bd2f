import { PfgmError } from '../errors.js'
import { native } from '../native/native.js'
import type { Tensor } from '../tensor/tensor.js'

/** The keys of samples `first` to `first + count - 1`: seed + i, modulo 2^64. */
export function sampleKeys(seed: bigint, first: number, count: number): BigUint64Array {
  return BigUint64Array.from({ length: count }, (_, i) => BigInt.asUintN(64, seed + BigInt(first + i)))
}

export async function expectFinite(samples: Tensor): Promise<void> {
  const { notFinite } = await native().dataStatistics(samples.handle)
  if (notFinite >= 0) {
    throw new PfgmError(
      'ERR_PFGM_NOT_FINITE',
      `Sample ${notFinite} is not finite: the network gives no number on its path. Train longer, or lower the learning rate`,
    )
  }
}

/** Mean number of network evaluations a sample. */
export function meanEvaluations(evaluations: Int32Array): number {
  return evaluations.reduce((sum, spent) => sum + spent, 0) / evaluations.length
}
