// Each of the GPU's kernels once, on little data: for compute-sanitizer, under which a program runs many times slower.
import { native } from '../../dist/native/native.js'
import { Tensor } from '../../dist/tensor/tensor.js'

const DEVICE = process.env.PFGM_TEST_DEVICE ?? 'cpu'
const [SOURCES, QUERIES, N] = [333, 18, 130] // no multiple of a tile's sides

const uniform = (count) => Float32Array.from({ length: count }, () => Math.random() * 2 - 1)
const onDevice = (values, shape) => Tensor.from(values, shape, { device: DEVICE })

/** Reads a result back, as only then its kernel has surely run. */
async function mustBeFinite(name, info) {
  const tensor = new Tensor(info)
  const values = await tensor.data()
  tensor.dispose()
  if (!values.every(Number.isFinite)) throw new Error(`Expected ${name} to be finite`)
  console.log(`${name}: ${values.length} numbers on ${DEVICE}`)
}

const sources = await onDevice(uniform(SOURCES * N), [SOURCES, N])
const x = await onDevice(uniform(QUERIES * N), [QUERIES, N])
const z = await onDevice(
  Float32Array.from({ length: QUERIES }, (_, q) => 0.01 * 2 ** q),
  [QUERIES],
)
const { target } = await native().cudaFieldTarget(sources.handle, x.handle, z.handle, 5)
await mustBeFinite('field', target)
await mustBeFinite('screen', await native().cudaScreen(sources.handle, x.handle, z.handle))
const settings = { seed: 1, step: 0, sigma: 0.01, tau: 0.03, M: 291, restrictM: false }
const points = await native().cudaPerturb(x.handle, settings)
await mustBeFinite('perturbed x', points.x)
await mustBeFinite('perturbed z', points.z)
for (const tensor of [sources, x, z]) tensor.dispose()
