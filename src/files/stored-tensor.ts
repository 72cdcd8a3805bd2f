import { product } from '../check.js'
import type { PfgmError } from '../errors.js'
import { dataError } from './read.js'
import { DTYPE_BYTES, type TensorEntry } from './tensor-file.js'

/** Where the values of tensors lie. Several may share one. */
export class Storage {
  readonly dtype: string
  readonly key: string
  /** How many values it has. */
  readonly count: number
  /** Where it lies in the file, in bytes, as soon as that is known; and its checksum, where the file has one. */
  place: { readonly begin: number; readonly end: number; readonly crc32?: number } | undefined

  constructor(dtype: string, key: string, count: number) {
    this.dtype = dtype
    this.key = key
    this.count = count
  }
}

export class StoredTensor {
  readonly storage: Storage
  /** Values from the begin of the storage. */
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

/** More levels than any network nests its modules in. */
const DEEPEST = 100

/** All tensors of nested maps and arrays, called by the keys on the way to them: `model.conv.weight`. */
export function* tensorsIn(
  value: unknown,
  name = '',
  seen = new Set<unknown>(),
  depth = 0,
): Generator<[name: string, tensor: StoredTensor]> {
  if (value instanceof StoredTensor) yield [name, value]
  if (!(value instanceof Map || Array.isArray(value)) || seen.has(value)) return
  if (depth === DEEPEST) throw new Error(`tensors that are nested more than ${DEEPEST} deep`)
  // What holds itself would have no end.
  seen.add(value)
  for (const [key, inner] of value.entries()) {
    if (typeof key !== 'string' && typeof key !== 'number') continue
    yield* tensorsIn(inner, name ? `${name}.${key}` : String(key), seen, depth + 1)
  }
}

/**
 * Where a tensor's values lie in the file.
 * @throws PfgmError `ERR_PFGM_DATA` where they do not lie there in their order
 */
export function entryOf(path: string, name: string, tensor: StoredTensor): TensorEntry {
  const { storage, offset, shape, strides } = tensor
  const wide = DTYPE_BYTES.get(storage.dtype)
  if (storage.place === undefined || wide === undefined) throw damaged(path, `no values of ${name}`)
  const counts = [offset, ...shape, ...strides]
  if (
    strides.length !== shape.length ||
    !counts.every((count) => Number.isSafeInteger(count) && count >= 0)
  ) {
    throw damaged(path, `${name} of a size that is none`)
  }
  let dense = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis]! > 1 && strides[axis] !== dense) {
      throw dataError(
        path,
        `tensors whose values lie in their order`,
        `${name}, a view: save its .contiguous()`,
      )
    }
    dense *= shape[axis]!
  }
  const count = product(shape)
  const begin = storage.place.begin + offset * wide
  const end = begin + count * wide
  if (offset + count > storage.count || end > storage.place.end)
    throw damaged(path, `${name}, which ends beyond its storage`)
  return { name, dtype: storage.dtype, shape, begin, end }
}

/** The error for a file that is not what `torch.save` writes. */
export function damaged(path: string, received: string, cause?: unknown): PfgmError {
  return dataError(path, 'a whole file of torch.save', received, { cause })
}
