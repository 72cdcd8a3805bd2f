import { createHash } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FeatureNetwork } from '../../src/metrics/feature-network.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { goldenJson, goldenPath, maxRelativeRowError } from '../golden.js'

/** Of a picture: the length of its row and every 97th of the row's numbers. */
interface Row {
  norm: number
  spots: number[]
}
interface Golden {
  shape: number[]
  features: Row[]
  probabilities: Row[]
}
const golden = goldenJson<{ tensors: { count: number; sha256: string }; grey: Golden; colour: Golden }>(
  'features/inception.json',
)

const product = (shape: readonly number[]) => shape.reduce((size, length) => size * length, 1)

/** As `goldens/features/inception.py` has it: a hash of the name, mixed with each element's place. */
function noise(name: string, count: number, take: (hash: number, place: number) => void): void {
  let seed = 0x811c9dc5
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193)
  for (let i = 0; i < count; i++) {
    let h = (Math.imul(i, 0x9e3779b9) + seed) | 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    take((h ^ (h >>> 16)) >>> 0, i)
  }
}

function weights(name: string, shape: readonly number[]): Float32Array {
  const values = new Float32Array(product(shape))
  const middle = /bn\.weight$|running_var$/.test(name) ? 1 : 0
  const width = shape.length > 1 ? Math.sqrt(6 / product(shape.slice(1))) : 0.25
  noise(name, values.length, (hash, i) => {
    values[i] = middle + width * ((hash >>> 8) / 2 ** 23 - 1)
  })
  return values
}

async function pictures(name: string, shape: readonly number[]): Promise<Tensor<'uint8'>> {
  const values = new Uint8Array(product(shape))
  noise(name, values.length, (hash, i) => {
    values[i] = hash >>> 24
  })
  return Tensor.from<'uint8'>(values, shape)
}

/** As `torch.save` wrote a state dict before torch 1.6: pickles of what is there, then the values of each storage. */
async function writeStateDict(path: string, tensors: { name: string; shape: number[] }[]): Promise<void> {
  const text = (value: string) => op('X', uint32(Buffer.byteLength(value)), Buffer.from(value))
  const integer = (value: number) => op('J', uint32(value))
  const tuple = (...items: Buffer[]) => op('(', ...items, Buffer.from('t'))
  const global = (name: string) => Buffer.from(`c${name}\n`)
  const pickle = (value: Buffer) => op('\x80\x02', value, Buffer.from('.'))
  const entries = tensors.map(({ name, shape }, i) => {
    const strides = shape.map((_, axis) => product(shape.slice(axis + 1)))
    const storage = [text('storage'), global('torch\nFloatStorage'), text(`${i}`), text('cpu')]
    const id = op('', tuple(...storage, integer(product(shape)), Buffer.from('N')), Buffer.from('Q'))
    const hooks = op('', global('collections\nOrderedDict'), Buffer.from(')R'))
    const sizes = [tuple(...shape.map(integer)), tuple(...strides.map(integer))]
    const given = tuple(id, integer(0), ...sizes, Buffer.from('\x89', 'latin1'), hooks)
    return op('', text(name), global('torch._utils\n_rebuild_tensor_v2'), given, Buffer.from('R'))
  })
  const file = await open(path, 'w')
  try {
    const magic = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex')
    const keys = op(']', Buffer.from('('), ...tensors.map((_, i) => text(`${i}`)), Buffer.from('e'))
    const head = [
      magic,
      integer(1001),
      op('}'),
      op('}', Buffer.from('('), ...entries, Buffer.from('u')),
      keys,
    ]
    for (const part of head) await file.writeFile(pickle(part))
    for (const { name, shape } of tensors) {
      const count = Buffer.alloc(8)
      count.writeBigInt64LE(BigInt(product(shape)))
      await file.writeFile(count)
      await file.writeFile(new Uint8Array(weights(name, shape).buffer))
    }
  } finally {
    await file.close()
  }
}

function op(code: string, ...arguments_: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(code, 'latin1'), ...arguments_])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

async function see(network: FeatureNetwork, images: Tensor) {
  const { features, probabilities } = await network.of(images)
  return { features: await read(features), probabilities: await read(probabilities!) }
}

async function read(tensor: Tensor<'float32'>) {
  using read = tensor
  return { shape: read.shape, values: await read.data() }
}

describe('the Inception network', () => {
  let folder: string
  let network: FeatureNetwork
  let state: { name: string; shape: number[] }[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pfgm-inception-'))
    const empty = await native().createInceptionNetwork()
    state = native().describeState(empty)
    native().dispose(empty)
    await writeStateDict(join(folder, 'inception.pth'), state)
    network = await FeatureNetwork.load(join(folder, 'inception.pth'))
  })
  afterAll(async () => {
    network.dispose()
    await rm(folder, { recursive: true })
  })

  it("has the tensors of pytorch-fid's by name", () => {
    const tensors = state.map(({ name, shape }) => `${name} ${shape.join()}`).sort()
    expect(tensors).toHaveLength(golden.tensors.count)
    expect(createHash('sha256').update(tensors.join('\n')).digest('hex')).toBe(golden.tensors.sha256)
  })

  it("gives what pytorch-fid's gives with the same weights", async () => {
    for (const kind of ['grey', 'colour'] as const) {
      const { shape, ...expected } = golden[kind]
      using images = await pictures(kind, shape)
      const found = await see(network, images)
      expect(found.features.shape).toEqual([shape[0], 2048])
      expect(found.probabilities.shape).toEqual([shape[0], 1008])
      for (const of of ['features', 'probabilities'] as const) {
        const { values, shape: size } = found[of]
        for (const [i, { norm, spots }] of expected[of].entries()) {
          const row = values.subarray(i * size[1]!, (i + 1) * size[1]!)
          expect(Math.abs(Math.hypot(...row) / norm - 1)).toBeLessThan(1e-4)
          const at = row.filter((_, place) => place % 97 === 0)
          expect(maxRelativeRowError(at, spots, spots.length)).toBeLessThan(1e-4)
        }
      }
    }
  })

  it('sees a picture alone as it does among others', async () => {
    using many = await pictures('many', [18, 1, 5, 7])
    using last = await many.slice(17, 1)
    const all = await see(network, many)
    const alone = await see(network, last)
    expect(all.features.shape).toEqual([18, 2048])
    expect(
      maxRelativeRowError(all.features.values.subarray(17 * 2048), alone.features.values, 2048),
    ).toBeLessThan(1e-5)
  })

  it('takes pictures of 1 or 3 channels', async () => {
    using two = await Tensor.from<'uint8'>(new Uint8Array(8), [1, 2, 2, 2])
    await expect(network.of(two)).rejects.toThrow('Expected pictures of 1 or 3 channels but received 2')
  })

  it('is told from other files of torch.save', async () => {
    await expect(FeatureNetwork.load(goldenPath('torch-files/legacy.pth'))).rejects.toThrow(
      /legacy\.pth has no tensor named Conv2d_1a_3x3\.conv\.weight/,
    )
  })

  it('is the one kind that a file of tensors fills: a TorchScript file is refused', async () => {
    const scripted = await native().loadFeatureNetwork(goldenPath('features/both.pt'))
    expect(() => native().describeState(scripted)).toThrow(
      /Expected owner to be a network of features other than a TorchScript file/,
    )
    native().dispose(scripted)
  })
})
