import { product } from '../check.js'
import { Call, Global, Persistent, type Picklable, pickle, Tuple } from './pickle-writer.js'
import { writeZip, type ZipItem } from './zip-writer.js'

const CLASSES = { F32: 'FloatStorage', F64: 'DoubleStorage' } as const

/** Values of a tensor, in their order and little-endian. */
export interface TensorBytes {
  readonly dtype: keyof typeof CLASSES
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** `collections.OrderedDict`, which dictionaries of tensors are of. */
export const orderedMap = (items: ReadonlyMap<string, Picklable> = new Map()): Call =>
  new Call(new Global('collections', 'OrderedDict'), [], items)

/** What `torch.save` writes as a zip archive (torch 1.6 and later): one pickle, and a file for each storage. */
export class TorchWriter {
  readonly #storages: Uint8Array[] = []

  /** A tensor as the pickle has it; one that is there twice is stored once. */
  tensor({ dtype, shape, bytes }: TensorBytes): Call {
    const key = String(this.#storages.push(bytes) - 1)
    const storage = new Tuple('storage', new Global('torch', CLASSES[dtype]), key, 'cpu', product(shape))
    const strides = shape.map((_, axis) => product(shape.slice(axis + 1)))
    const rebuild = new Global('torch._utils', '_rebuild_tensor_v2')
    const hooks = orderedMap()
    return new Call(rebuild, [
      new Persistent(storage),
      0,
      new Tuple(...shape),
      new Tuple(...strides),
      false,
      hooks,
    ])
  }

  /**
   * Writes a value that these tensors are in.
   * @throws PfgmError `ERR_PFGM_IO` where the file cannot be written
   */
  async write(path: string, value: Picklable): Promise<void> {
    const items: ZipItem[] = [
      { name: 'data.pkl', bytes: pickle(value) },
      { name: 'byteorder', bytes: Buffer.from('little') },
      ...this.#storages.map((bytes, key) => ({ name: `data/${key}`, bytes })),
      { name: 'version', bytes: Buffer.from('3\n') },
    ]
    await writeZip(
      path,
      items.map(({ name, bytes }) => ({ name: `archive/${name}`, bytes })),
    )
  }
}
