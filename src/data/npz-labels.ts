import { product } from '../check.js'
import type { NpzArchive } from '../files/npz-archive.js'
import { describeType, npyType, readNpyHead } from '../tensor/npy-header.js'

/** What the labels of an array are called: OpenAI's and EDM's tools have `arr_1` beside `arr_0`, Keras `y` beside `x`. */
function namesBeside(images: string): string[] {
  return [
    ...(images === 'arr_0' ? ['arr_1'] : []),
    ...(/^x(?:_|$)/.test(images) ? [images.replace(/^x/, 'y')] : []),
    ...(images.includes('images') ? [images.replace('images', 'labels')] : []),
    'labels',
    'label',
  ]
}

/** The name of the array that has the labels of another; undefined where there is none. */
export function labelsBeside(names: readonly string[], images: string): string | undefined {
  return namesBeside(images).find((name) => name !== images && names.includes(name))
}

/** A label is a byte. */
const LARGEST_LABEL = 255

/**
 * The labels in an array: whole numbers from 0 to 255, one an item. Those that are none are told of in words.
 * @throws PfgmError `ERR_PFGM_DATA` where the archive is damaged
 */
export async function readLabels(
  path: string,
  archive: NpzArchive,
  name: string,
  count: number,
): Promise<Uint8Array | string> {
  const title = `${path}, array ${name}`
  await using bytes = await archive.array(name)
  const { descr, shape } = await readNpyHead(title, bytes)
  const type = npyType(descr)
  if (type === undefined || !['i', 'u'].includes(type.kind) || ![1, 2, 4, 8].includes(type.bytes)) {
    return `it has ${describeType(descr)}, not whole numbers`
  }
  if (shape[0] !== count || product(shape) !== count) return `it is [${shape.join(', ')}], not [${count}]`
  const stored = await bytes.take(Math.min(count * type.bytes, bytes.atMost))
  await bytes.skipAll() // to its end, where lengths and checksums are compared
  if (stored.length < count * type.bytes) return `it has ${stored.length} bytes of values`
  const read = numberAt(stored, type.kind === 'i', type.bytes, type.bigEndian)
  const labels = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const label = read(i * type.bytes)
    if (!(label >= 0 && label <= LARGEST_LABEL)) return `it has the label ${label}, not 0 to ${LARGEST_LABEL}`
    labels[i] = label
  }
  return labels
}

function numberAt(
  bytes: Buffer,
  isSigned: boolean,
  width: number,
  isBig: boolean,
): (offset: number) => number {
  if (width === 8) {
    const wide = isBig
      ? (at: number) => (isSigned ? bytes.readBigInt64BE(at) : bytes.readBigUInt64BE(at))
      : (at: number) => (isSigned ? bytes.readBigInt64LE(at) : bytes.readBigUInt64LE(at))
    return (at) => Number(wide(at))
  }
  if (isBig) return (at) => (isSigned ? bytes.readIntBE(at, width) : bytes.readUIntBE(at, width))
  return (at) => (isSigned ? bytes.readIntLE(at, width) : bytes.readUIntLE(at, width))
}
