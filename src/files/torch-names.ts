import { type Maker, PickledObject } from './pickle.js'
import { Storage, StoredTensor } from './stored-tensor.js'

/** What a storage's class says of its values. */
const DTYPES: Readonly<Record<string, string>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  ByteStorage: 'U8',
  LongStorage: 'I64',
  IntStorage: 'I32',
}

/** Of NumPy's numbers: how one is read from its bytes, little-endian as everything here. */
const NUMBERS: ReadonlyMap<string, (bytes: Buffer) => unknown> = new Map<string, (bytes: Buffer) => unknown>([
  ['f8', (bytes) => bytes.readDoubleLE()],
  ['f4', (bytes) => bytes.readFloatLE()],
  ['i8', (bytes) => Number(bytes.readBigInt64LE())],
  ['i4', (bytes) => bytes.readInt32LE()],
  ['b1', (bytes) => bytes.readUInt8() !== 0],
])

const PERSISTENT = 'torch_utils.persistence _reconstruct_persistent_obj'

/**
 * The names that a pickle of a model may have, none of which is looked up anywhere: what stands for tensors, numbers and
 * containers, and classes whose objects are kept as they were pickled.
 */
export const TORCH_NAMES: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ['collections OrderedDict', () => new Map()],
  ['dnnlib.util EasyDict', () => new Map()],
  ['__builtin__ set', asSet],
  ['builtins set', asSet],
  ['torch._utils _rebuild_tensor_v2', rebuilt],
  ['torch._utils _rebuild_parameter', (tensor) => tensor],
  ['_codecs encode', encoded],
  ['numpy dtype', (...given) => new PickledObject('dtype', given)],
  ['numpy.core.multiarray scalar', scalar],
  ['numpy._core.multiarray scalar', scalar],
  ['torch.nn.modules.container ModuleDict', (...given) => new PickledObject('ModuleDict', given)],
  ['torch.nn.modules.container ModuleList', (...given) => new PickledObject('ModuleList', given)],
  ['torch.nn.modules.container Sequential', (...given) => new PickledObject('Sequential', given)],
  [PERSISTENT, persistent],
  ...Object.entries(DTYPES).map(([name, dtype]): [string, Maker] => [`torch ${name}`, () => dtype]),
])

/** A set, or a list as a set. */
function asSet(items: unknown = []): unknown {
  if (!Array.isArray(items)) throw new Error('a set of what is no list')
  return new Set(items)
}

function rebuilt(storage: unknown, offset: unknown, shape: unknown, strides: unknown): unknown {
  if (!(storage instanceof Storage) || !Array.isArray(shape) || !Array.isArray(strides))
    throw new Error('a tensor without values')
  return new StoredTensor(storage, offset as number, shape as number[], strides as number[])
}

/** Bytes as protocols before the third have them, which know text alone. */
function encoded(text: unknown, encoding: unknown): unknown {
  if (typeof text !== 'string' || encoding !== 'latin1') throw new Error('bytes of another encoding')
  return Buffer.from(text, 'latin1')
}

function scalar(dtype: unknown, bytes: unknown): unknown {
  const [code] = dtype instanceof PickledObject ? dtype.given : []
  const [, order] = dtype instanceof PickledObject && Array.isArray(dtype.state) ? dtype.state : []
  const read = typeof code === 'string' ? NUMBERS.get(code) : undefined
  if (read === undefined || order === '>' || !Buffer.isBuffer(bytes))
    throw new Error('a number of another kind')
  return read(bytes)
}

/** An object with the source of its class beside its state: the source is passed over. */
function persistent(meta: unknown): unknown {
  if (!(meta instanceof Map)) throw new Error('an object without a description')
  const [name, state] = [meta.get('class_name'), meta.get('state')]
  if (meta.get('type') !== 'class' || typeof name !== 'string' || !(state instanceof Map))
    throw new Error('an object of another kind')
  return new PickledObject(name, [], state)
}
