import { gzipSync } from 'node:zlib'
import { tarOf } from './packed/files.js'

const PIXELS = 3072
const BATCHES = [1, 2, 3, 4, 5]

/** The pixels of image `i`, and its label. */
export const cifarPixels = (i: number): Buffer =>
  Buffer.from(Array.from({ length: PIXELS }, (_, at) => (at * 7 + i * 31) & 255))
export const cifarLabel = (i: number): number => (3 * i) % 10

/** An archive of CIFAR-10 as it is published, of one image a batch. */
export function cifarArchive(version: 'binary' | 'python'): Buffer {
  const folder = version === 'binary' ? 'cifar-10-batches-bin' : 'cifar-10-batches-py'
  const ending = version === 'binary' ? '.bin' : ''
  const batch = (i: number): Buffer =>
    version === 'binary'
      ? Buffer.concat([Buffer.of(cifarLabel(i)), cifarPixels(i)])
      : pickledBatch({ labels: [cifarLabel(i)] }, [cifarPixels(i)])
  const files = [...BATCHES].reverse().map((i) => [`${folder}/data_batch_${i}${ending}`, batch(i)] as const)
  return gzipSync(
    tarOf([
      [`${folder}/readme.html`, Buffer.from('<html>')],
      ...files,
      [`${folder}/test_batch${ending}`, batch(6)],
    ]),
  )
}

/** A batch as Python 2 pickled it: text and arrays are strings of bytes; `isFortran`: the flag of the array's order. */
export function pickledBatch(
  labels: Readonly<Record<string, readonly number[]>>,
  images: readonly Buffer[],
  isFortran = false,
): Buffer {
  const data = Buffer.concat(images)
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(0x55, value.length), Buffer.from(value)])
  const ascii = (value: string): Buffer => Buffer.from(value, 'latin1')
  const int = (value: number): Buffer => {
    const bytes = Buffer.alloc(5, 'J')
    bytes.writeInt32LE(value, 1)
    return bytes
  }
  const length = Buffer.alloc(4)
  length.writeUInt32LE(data.length)
  const dtype = [
    ascii('cnumpy\ndtype\n'),
    text('u1'),
    ascii('K\x00K\x01\x87R'),
    ascii('(K\x03'),
    text('|'),
    ascii('NNN'),
  ]
  const array = [
    ascii('cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85'),
    text('b'),
    ascii('\x87R(K\x01'),
    int(images.length),
    int(PIXELS),
    ascii('\x86'),
    ...dtype,
    int(-1),
    int(-1),
    ascii(`K\x00tb${isFortran ? '\x88' : '\x89'}T`),
    length,
    data,
    ascii('tb'),
  ]
  const lists = Object.entries(labels).flatMap(([name, values]) => [
    text(name),
    ascii(']('),
    ...values.map(int),
    ascii('e'),
  ])
  return Buffer.concat([
    ascii('\x80\x02}('),
    text('batch_label'),
    text('training batch 1 of 5'),
    ...lists,
    text('data'),
    ...array,
    ascii('u.'),
  ])
}

/** A dictionary of a list of names, as CIFAR-100's `meta` is one. */
export function pickledNames(key: string, names: readonly string[]): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(0x55, value.length), Buffer.from(value)])
  return Buffer.concat([
    Buffer.from('\x80\x02}(', 'latin1'),
    text(key),
    Buffer.from(']('),
    ...names.map(text),
    Buffer.from('eu.'),
  ])
}
