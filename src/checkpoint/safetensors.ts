import { open } from 'node:fs/promises'
import { z } from 'zod'
import { product } from '../check.js'
import { PfgmError } from '../errors.js'
import { DTYPE_BYTES, type TensorEntry, type TensorFile } from '../files/tensor-file.js'
import { writeWhole } from '../files/whole-file.js'
import type { OwnerHandle, TensorSlot } from '../native/addon.js'
import { native } from '../native/native.js'
import { isFrequencies } from './frequencies.js'

/** A header longer than this is no header: the file is something else. */
const LONGEST_HEADER = 100 * 1024 * 1024

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().min(0)),
  data_offsets: z.tuple([z.number().int().min(0), z.number().int().min(0)]),
})

/** What a safetensors file says it holds. */
export interface Safetensors extends TensorFile {
  readonly metadata: Readonly<Record<string, string>>
  /** The header as it is written. */
  readonly header: string
}

/** The header has a checksum of itself, with this in the checksum's place, and of all tensors' bytes. */
const NO_CHECKSUM = '0'.repeat(16)

function damaged(path: string, what: string, cause?: unknown): PfgmError {
  return new PfgmError('ERR_PFGM_CHECKPOINT', `${path} is not a whole safetensors file: ${what}`, { cause })
}

/**
 * Reads and checks the header of a safetensors file.
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where the file is missing, truncated or of another kind
 */
export async function readHeader(path: string): Promise<Safetensors> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    const what = error.code === 'ENOENT' ? 'there is no such file' : error.message
    throw new PfgmError('ERR_PFGM_CHECKPOINT', `Could not read ${path}: ${what}`, { cause: error })
  })
  try {
    const { size } = await file.stat()
    const prefix = Buffer.alloc(8)
    if (size < 8) throw damaged(path, `expected at least 8 bytes but it has ${size}`)
    await file.read(prefix, 0, 8, 0)
    const length = Number(prefix.readBigUInt64LE())
    if (length > LONGEST_HEADER || length > size - 8) {
      throw damaged(path, `expected a header within its ${size} bytes but it claims ${length}`)
    }
    const text = Buffer.alloc(length)
    await file.read(text, 0, length, 8)
    return parseHeader(path, text.toString('utf8'), 8 + length, size)
  } finally {
    await file.close()
  }
}

function parseHeader(path: string, text: string, dataOffset: number, size: number): Safetensors {
  let header: Record<string, unknown>
  try {
    header = z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch (error) {
    throw damaged(path, 'its header is not JSON', error)
  }
  const metadata = z.record(z.string(), z.string()).safeParse(header.__metadata__ ?? {})
  if (!metadata.success) throw damaged(path, 'its metadata is not text', metadata.error)
  const entries = new Map<string, TensorEntry>()
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const parsed = entrySchema.safeParse(value)
    if (!parsed.success) throw damaged(path, `the entry of ${name} is malformed`, parsed.error)
    const { dtype, shape, data_offsets } = parsed.data
    const [begin, end] = data_offsets
    if (end > size - dataOffset) throw damaged(path, `${name} ends beyond the file: it is truncated`)
    const bytes = DTYPE_BYTES.get(dtype)
    if (bytes === undefined ? end < begin : end - begin !== product(shape) * bytes) {
      throw damaged(path, `${name} has ${end - begin} bytes, which is not ${dtype} of [${shape.join(', ')}]`)
    }
    entries.set(name, { name, dtype, shape, begin, end })
  }
  return { path, metadata: metadata.data, entries, dataOffset, header: text }
}

/**
 * Reads the whole file to check it. One without a checksum, as earlier versions wrote, passes.
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where a byte is not as it was written
 */
export async function expectWhole({
  path,
  metadata,
  entries,
  dataOffset,
  header,
}: Safetensors): Promise<void> {
  const { checksum } = metadata
  if (checksum === undefined) return
  const length = Math.max(0, ...[...entries.values()].map(({ end }) => end))
  const then = header.replace(checksum, NO_CHECKSUM)
  const now = await native().checksumFile(path, then, dataOffset, length)
  if (now !== checksum) {
    throw damaged(path, `expected the checksum ${checksum} but it is ${now}: some of it was changed or lost`)
  }
}

/**
 * Writes everything an object's checkpoint holds as a safetensors file, which appears whole or not at all.
 * @param dtype how numbers are stored; random frequencies, whose phases would be lost, are float32 all the same
 */
export async function writeTensors(
  owner: OwnerHandle,
  path: string,
  metadata: Readonly<Record<string, string>>,
  dtype: 'F32' | 'F16' = 'F32',
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: { checksum: NO_CHECKSUM, ...metadata } }
  const slots: TensorSlot[] = []
  let position = 0
  for (const { name, shape } of native().describeState(owner)) {
    const stored = isFrequencies(name) ? 'F32' : dtype
    const end = position + product(shape) * DTYPE_BYTES.get(stored)!
    header[name] = { dtype: stored, shape, data_offsets: [position, end] }
    slots.push({ name, dtype: stored, begin: position, end })
    position = end
  }
  // Padded to a multiple of 8, so that a reader may map the tensors in place.
  const text = JSON.stringify(header)
  const padding = (8 - (Buffer.byteLength(text) % 8)) % 8
  const whole = text + ' '.repeat(padding)
  await writeWhole(path, async (temporary) => {
    const checksum = await native().writeState(owner, temporary, whole, slots)
    await writeHeader(temporary, whole.replace(NO_CHECKSUM, checksum))
  })
}

/** Over a header of the same length. */
async function writeHeader(path: string, header: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(header, 8)
  } finally {
    await file.close()
  }
}
