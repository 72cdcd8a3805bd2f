import { kind, parse } from '../arguments/schema.js'
import { expectPath, product } from '../check.js'
import { NpzArchive } from '../files/npz-archive.js'
import { dataError } from '../files/read.js'
import { writeZip } from '../files/zip-writer.js'
import { native } from '../native/native.js'
import { npyHead, readNpyHead } from '../tensor/npy-header.js'
import { Tensor } from '../tensor/tensor.js'

/**
 * Mean and covariance of features: all that a Frechet distance needs of a set. In files of the layout that pytorch-fid,
 * EDM and score_sde use: an `.npz` of `mu` `[F]` and `sigma` `[F, F]`, the covariance over one less than there are items.
 */
export class FeatureStatistics implements Disposable {
  /** `[F]` */
  readonly mean: Tensor<'float64'>
  /** `[F, F]` */
  readonly covariance: Tensor<'float64'>

  /** @internal */
  constructor(mean: Tensor<'float64'>, covariance: Tensor<'float64'>) {
    this.mean = mean
    this.covariance = covariance
  }

  /** @throws PfgmError `ERR_PFGM_DATA` where the file has no `mu` and `sigma` of float64 that fit each other */
  static async load(path: string): Promise<FeatureStatistics> {
    expectPath('path', path)
    using archive = await NpzArchive.open(path)
    const mean = await readDoubles(path, archive, 'mu')
    const covariance = await readDoubles(path, archive, 'sigma')
    const [features = 0] = mean.shape
    if (mean.shape.length !== 1 || covariance.shape.join() !== [features, features].join()) {
      const received = `[${mean.shape.join(', ')}] and [${covariance.shape.join(', ')}]`
      throw dataError(path, 'mu [F] and sigma [F, F]', received)
    }
    if (![mean, covariance].every(({ values }) => values.every(Number.isFinite))) {
      throw dataError(path, 'finite numbers', 'some that are not')
    }
    return new FeatureStatistics(
      await Tensor.from(mean.values, mean.shape),
      await Tensor.from(covariance.values, covariance.shape),
    )
  }

  /**
   * Writes them as an `.npz` of `mu` and `sigma`.
   * @throws PfgmError `ERR_PFGM_IO` where the file cannot be written
   */
  async save(path: string): Promise<void> {
    expectPath('path', path)
    const arrays = { mu: this.mean, sigma: this.covariance }
    const items = Object.entries(arrays).map(async ([name, tensor]) => {
      const values = await tensor.data()
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
      return { name: `${name}.npy`, bytes: Buffer.concat([npyHead('float64', tensor.shape), bytes]) }
    })
    await writeZip(path, await Promise.all(items))
  }

  /** |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2) (arXiv 1706.08500). */
  async frechetDistance(other: FeatureStatistics): Promise<number> {
    parse('other', STATISTICS, other)
    return native().frechetDistance(this.handles, other.handles)
  }

  /** @internal */
  get handles() {
    return { mean: this.mean.handle, covariance: this.covariance.handle }
  }

  /** Frees both tensors. */
  dispose(): void {
    this.mean.dispose()
    this.covariance.dispose()
  }

  /** The same, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Of moments as the addon sums them. */
export async function statisticsOf(moments: Tensor<'float64'>): Promise<FeatureStatistics> {
  const { mean, covariance } = await native().gaussianOf(moments.handle)
  return new FeatureStatistics(new Tensor<'float64'>(mean), new Tensor<'float64'>(covariance))
}

const STATISTICS = kind<FeatureStatistics>(
  'feature statistics',
  (value) => value instanceof FeatureStatistics,
)

/** More would not be a covariance of features. */
const MOST_VALUES = 2 ** 28

async function readDoubles(
  path: string,
  archive: NpzArchive,
  name: string,
): Promise<{ values: Float64Array; shape: readonly number[] }> {
  if (!archive.names.includes(name)) {
    throw dataError(path, 'arrays mu and sigma, of statistics of features', archive.names.join(', '))
  }
  const title = `${path}, array ${name}`
  await using bytes = await archive.array(name)
  const { descr, fortranOrder, shape } = await readNpyHead(title, bytes)
  if (descr !== '<f8' || (fortranOrder && shape.length > 2) || product(shape) > MOST_VALUES) {
    throw dataError(title, 'float64 (<f8)', `${String(descr)} of [${shape.join(', ')}]`)
  }
  // A covariance is its own transpose, so that its order does not matter.
  const values = new Float64Array(product(shape))
  const filled = await bytes.fill(new Uint8Array(values.buffer))
  if (filled < values.byteLength) throw dataError(title, `${values.byteLength} bytes`, `${filled}`)
  await bytes.skipAll()
  return { values, shape }
}
