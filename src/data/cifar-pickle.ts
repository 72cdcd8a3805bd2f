import { ByteSource, Stretch } from '../files/byte-source.js'
import { type Maker, PickledObject, readPickle } from '../files/pickle.js'
import { dataError } from '../files/read.js'
import { type CifarBatch, type CifarLabel, PIXELS } from './cifar-format.js'

/** Names of an array of NumPy, whose state is a version, the shape, the type, whether in Fortran's order, the bytes. */
const ARRAY = 'array'
const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ...['numpy.core.multiarray', 'numpy._core.multiarray'].map((module): [string, Maker] => [
    `${module} _reconstruct`,
    (...given) => new PickledObject(ARRAY, given),
  ]),
  ['numpy ndarray', () => undefined],
  ['numpy dtype', (code) => code],
  ['_codecs encode', (text) => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text)],
])

/** A batch of the version for Python: a dictionary of `data` and labels. Nothing in it is run. */
export function unpickledBatch(title: string, bytes: Buffer, label: CifarLabel): CifarBatch {
  const fields = dictionary(title, bytes)
  const data = fields.get('data')
  const state = data instanceof PickledObject && Array.isArray(data.state) ? data.state : []
  const [, shape, dtype, isFortran, stored] = state as unknown[]
  const pixels = bytesOf(stored, bytes)
  const labels = fields.get(label.python)
  const [count, length] = Array.isArray(shape) ? shape : []
  if (
    !(pixels instanceof Buffer) ||
    dtype !== 'u1' ||
    length !== PIXELS ||
    pixels.length / PIXELS !== count
  ) {
    throw dataError(title, `data of n x ${PIXELS} bytes`, 'something else')
  }
  if (isFortran !== false) {
    throw dataError(
      title,
      'data image by image',
      "data in Fortran's order: save numpy.ascontiguousarray of it",
    )
  }
  if (!Array.isArray(labels) || labels.length !== count)
    throw dataError(title, `${count} ${label.python}`, 'others')
  const wrong = labels.findIndex((value) => !(Number.isInteger(value) && value >= 0 && value < label.classes))
  if (wrong >= 0) {
    throw dataError(
      title,
      `labels from 0 to ${label.classes - 1}`,
      `${typeof labels[wrong] === 'number' ? labels[wrong] : 'what is no number'} of image ${wrong}`,
    )
  }
  return { labels: Uint8Array.from(labels as number[]), pixels }
}

/** Bytes as a pickle has them, whichever its protocol. */
function bytesOf(stored: unknown, pickle: Buffer): unknown {
  if (typeof stored === 'string') return Buffer.from(stored, 'latin1')
  if (!(stored instanceof Stretch)) return stored
  return pickle.subarray(stored.begin, stored.begin + stored.length)
}

/** The names of classes in CIFAR-100's `meta`. */
export function unpickledNames(title: string, bytes: Buffer, label: CifarLabel): string[] | undefined {
  const names = dictionary(title, bytes).get(label.python.replace(/labels$/, 'label_names'))
  return Array.isArray(names) ? names.filter(isText).map(String) : undefined
}

/** What is text: Python 2 writes it as such and Python 3 as bytes. Of lists that hold each other the text may have no end. */
function isText(value: unknown): value is string | Buffer {
  return typeof value === 'string' || Buffer.isBuffer(value)
}

/** By those of its keys that are text. */
function dictionary(title: string, bytes: Buffer): Map<string, unknown> {
  const { value } = readPickle(new ByteSource(bytes), 0, { path: title, makers: MAKERS })
  if (!(value instanceof Map)) throw dataError(title, 'a dictionary', 'another pickle')
  return new Map([...value].filter(([key]) => isText(key)).map(([key, field]) => [String(key), field]))
}
