import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import sharp from 'sharp'
import { afterAll, beforeAll } from 'vitest'
import { ZipFile } from 'yazl'
import type { AnyDataset } from '../../../src/data/index.js'
import { photographPatches } from '../photographs.js'

/** What archives are made of: a name and its bytes. */
export type Entries = readonly (readonly [name: string, bytes: Uint8Array])[]

/** Some patches of photographs, as PNG. */
export async function pictures(count: number, side = 8): Promise<Buffer[]> {
  const { values } = await photographPatches(count, side)
  const area = side * side
  return Promise.all(
    Array.from({ length: count }, (_, item) => {
      const pixels = Buffer.alloc(3 * area)
      for (let i = 0; i < area; i++) {
        for (let c = 0; c < 3; c++) pixels[3 * i + c] = values[(3 * item + c) * area + i]!
      }
      return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
        .png()
        .toBuffer()
    }),
  )
}

/** A folder with these files. */
export async function folderOf(folder: string, entries: Entries): Promise<string> {
  for (const [name, bytes] of entries) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), bytes)
  }
  return folder
}

export async function zipOf(entries: Entries, compress = false): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, bytes] of entries) zip.addBuffer(Buffer.from(bytes), name, { compress })
  zip.end()
  const chunks: Buffer[] = []
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** A header of POSIX's tar; `size` may be any text of 12 letters. */
export function tarHeader(name: string, size: number | Buffer, type = '0'): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  if (typeof size === 'number') header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  else size.copy(header, 124)
  header.write(type, 156)
  header.write('ustar\x0000', 257)
  header.fill(' ', 148, 156)
  const sum = header.reduce((all, byte) => all + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

export function tarOf(entries: Entries): Buffer {
  const parts = entries.flatMap(([name, bytes]) => [
    tarHeader(name, bytes.length),
    bytes,
    Buffer.alloc((512 - (bytes.length % 512)) % 512),
  ])
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

/** The note of Hugging Face's datasets about a class. */
export const featuresOf = (names: readonly string[]): string =>
  JSON.stringify({
    info: { features: { image: { _type: 'Image' }, label: { names, _type: 'ClassLabel' } } },
  })

/** A Parquet file of images and labels, as Hugging Face's datasets have them. */
export function parquetOf(
  images: readonly (Uint8Array | null)[],
  labels?: readonly (number | null)[],
  options: {
    names?: readonly string[]
    codec?: 'SNAPPY' | 'UNCOMPRESSED'
    rows?: number
    pageSize?: number
  } = {},
): Buffer {
  const { names, codec = 'SNAPPY', rows = 4, pageSize } = options
  const image = images.map((bytes) => ({ bytes: bytes ?? undefined, path: null }))
  return Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'image', data: image },
        ...(labels
          ? [{ name: 'label', data: labels.map((label) => (label === null ? null : BigInt(label))) }]
          : []),
      ],
      schema: [
        { name: 'root', num_children: labels ? 2 : 1 },
        { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
        { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        ...(labels ? [{ name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' } as const] : []),
      ],
      codec,
      rowGroupSize: rows,
      ...(pageSize !== undefined && { pageSize }),
      ...(names && { kvMetadata: [{ key: 'huggingface', value: featuresOf(names) }] }),
    }),
  )
}

/** The pixels of a data set, read from the file where they are. */
export async function pixelsOf({ values }: AnyDataset): Promise<Uint8Array> {
  if (!('path' in values)) return values as Uint8Array
  const bytes = await readFile(values.path)
  return new Uint8Array(bytes.subarray(values.offset, values.offset + values.length))
}

/** Has a cache of its own for the tests of a file. */
export function cacheOfTests(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-pixels-'))
  const before = process.env.PFGM_CACHE
  beforeAll(() => {
    process.env.PFGM_CACHE = folder
  })
  afterAll(() => {
    if (before === undefined) delete process.env.PFGM_CACHE
    else process.env.PFGM_CACHE = before
    rmSync(folder, { recursive: true, force: true })
  })
  return join(folder, 'data', 'pixels')
}
